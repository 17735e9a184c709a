"""What the reviewer sees on the maps: layers switched by keys, the second map, the outline, the scale; and
what is asked before a review: which file, and who reviews.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsMapLayer,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QCursor
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMenu, QWidget

from ..i18n import tr
from .dock import LayerBar
from .keys import N_EXPERT_KEYS, Keys, expert
from .layers import (
    EVIDENCE,
    HILLSHADE,
    MAP,
    ORTHOPHOTO,
    ROLE_PROPERTY,
    LayerSwitch,
    RunFiles,
    find_roles,
    load_run,
    role_title,
)
from .maps import CandidateView, SecondMap
from .records import ReviewError
from .store import ReviewStore

USER_SETTING = "mce_landcover/review/user"
FILE_SETTING = "mce_landcover/review/file"
#: Tables of a candidates GeoPackage that a person may have loaded.
_TABLES = ("candidates", "review")


def candidates_file(layer: QgsMapLayer | None) -> Path | None:
    """Return the GeoPackage of a layer of candidates, None for any other layer."""
    if not isinstance(layer, QgsVectorLayer) or layer.providerType() != "ogr":
        return None
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
    path = Path(str(parts.get("path") or ""))
    name = str(parts.get("layerName") or "")
    if path.suffix.lower() != ".gpkg" or not path.is_file():
        return None
    fields = set(layer.fields().names())
    is_ours = name in _TABLES or (not name and {"uuid", "bayes_class_id", "rank"} <= fields)
    return path.absolute() if is_ours else None


def find_file(iface: Any, project: QgsProject) -> Path | None:
    """Return the file of the active layer, or of the only layers of candidates in the project, if any."""
    active = candidates_file(iface.activeLayer())
    if active is not None:
        return active
    found = {path for layer in project.mapLayers().values() if (path := candidates_file(layer)) is not None}
    return found.pop() if len(found) == 1 else None


def ask_file(parent: QWidget | None) -> Path | None:
    """Let the user choose a file; the last one is proposed."""
    last = str(QgsSettings().value(FILE_SETTING, "", type=str))
    file, _filter = QFileDialog.getOpenFileName(
        parent, tr("Candidates to review"), last, tr("Candidates (*.gpkg)")
    )
    return Path(file) if file else None


def remember_file(path: Path) -> None:
    """Propose this file the next time."""
    QgsSettings().setValue(FILE_SETTING, str(path))


def known_user() -> str:
    """Return who reviews, empty if nobody has said so yet."""
    return str(QgsSettings().value(USER_SETTING, "", type=str)).strip()


def ask_user(parent: QWidget | None) -> str:
    """Ask who reviews and remember it; empty if the user does not say."""
    name, ok = QInputDialog.getText(
        parent,
        tr("Who reviews?"),
        tr("Your name stands beside every decision:"),
        QLineEdit.EchoMode.Normal,
        known_user() or login_name(),
    )
    name = name.strip() if ok else ""
    if name:
        QgsSettings().setValue(USER_SETTING, name)
    return name


def login_name() -> str:
    """Return the name by which the system knows the user, empty if it does not."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, or Windows without the variables
        return ""


class MapViews(QObject):
    """Connects the keys of looking with the maps and the layers. It decides nothing."""

    #: A sentence for the message bar.
    said = pyqtSignal(str)
    #: The maps are elsewhere than they should be: show the candidate again.
    moved = pyqtSignal()

    def __init__(
        self,
        iface: Any,
        project: QgsProject,
        *,
        keys: Keys,
        store: ReviewStore,
        files: RunFiles,
        bar: LayerBar,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._iface, self._project, self._keys = iface, project, keys
        self._files, self._bar, self._path = files, bar, store.path.absolute()
        self._experts = [str(name) for name in store.run.get("experts", [])]
        gsd = float(store.run.get("grid", {}).get("gsd", 0.5))
        self.view = CandidateView(iface.mapCanvas(), store.crs, gsd)
        self.switch = LayerSwitch(project, self)
        self.second: SecondMap | None = None
        self._outline = QgsGeometry()
        self.switch.shown_changed.connect(bar.set_shown)
        bar.layer_wanted.connect(self._offer_layers)
        # A run's layers come one by one: look once, when all are there.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self.refresh_layers)
        project.layersAdded.connect(self._layers_changed)
        project.layersRemoved.connect(self._layers_changed)
        self.view.canvas.destinationCrsChanged.connect(self.moved)
        for name, do in self._handlers().items():
            keys.action(name).triggered.connect(lambda _checked=False, do=do: do())
        self.refresh_layers()

    def show(self, outline: QgsGeometry, upcoming: list[QgsGeometry]) -> None:
        """Go to a candidate and prepare the views of the next ones. Raises ReviewError."""
        self._outline = outline
        self.view.prefetch(upcoming)
        if self.second is not None:
            self.second.view.prefetcher.want([self.view.visible_extent_of(next_) for next_ in upcoming])
            self.second.view.outline(outline)
        self.view.show(outline)

    def clear(self) -> None:
        """Show no candidate."""
        self._outline = QgsGeometry()
        for view in self._views():
            view.clear()

    def refresh_layers(self) -> None:
        """Find out anew which layers are there."""
        roles = find_roles(self._project, self._files)
        self.switch.set_roles(roles)
        experts = [expert(n) for n in range(1, len(self._experts) + 1)]
        listed = [ORTHOPHOTO, MAP, *experts, EVIDENCE, HILLSHADE]
        self._bar.set_roles({role: role_title(role, self._experts) for role in listed})
        self._bar.set_shown(self.switch.shown)

    def load_layers(self) -> None:
        """Add what the project lacks of the run, and show the orthophoto."""
        load_run(self._project, self._files, self._path)
        if not self._files.roles:
            self.said.emit(
                tr("The folder of the run is not there: add its layers, then right-click the buttons.")
            )
        self.refresh_layers()
        self.switch.show(ORTHOPHOTO)
        self.moved.emit()

    def repaint_states(self) -> None:
        """Draw layers that show what was decided anew."""
        for layer in self._project.mapLayers().values():
            if candidates_file(layer) == self._path and "state" in layer.fields().names():
                layer.triggerRepaint()

    def extent_in(self, crs: QgsCoordinateReferenceSystem) -> tuple[float, float, float, float]:
        """Return west, south, east, north of what the map shows; raise ReviewError if that cannot be said."""
        settings = self.view.canvas.mapSettings()
        transform = QgsCoordinateTransform(settings.destinationCrs(), crs, self._project)
        try:
            box = transform.transformBoundingBox(settings.visibleExtent())
        except QgsCsException as error:
            raise ReviewError(tr("The present view lies outside of the candidates' CRS: zoom in.")) from error
        return box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()

    def close(self) -> None:
        """Let go of the maps and of the project."""
        self.view.canvas.destinationCrsChanged.disconnect(self.moved)
        self._project.layersAdded.disconnect(self._layers_changed)
        self._project.layersRemoved.disconnect(self._layers_changed)
        self.switch.blink(False)
        self._later.stop()
        if self.second is not None:
            self._close_second()
        self.view.close()

    def _handlers(self) -> dict[str, Callable[[], object]]:
        roles = (ORTHOPHOTO, MAP, EVIDENCE, HILLSHADE, *(expert(n) for n in range(1, N_EXPERT_KEYS + 1)))
        return {
            **{role: lambda role=role: self._toggle(role) for role in roles},
            "next_expert": self._next_expert,
            "flicker": self.switch.flicker,
            "blink": lambda: self.switch.blink(not self.switch.blinking),
            "highlight": self._toggle_outline,
            "recentre": self.moved.emit,
            "keep_scale": self._toggle_scale,
            "second_map": self.toggle_second,
        }

    def _layers_changed(self, *_layers: object) -> None:
        self._later.start()

    def _toggle(self, role: str) -> None:
        self.switch.blink(False)
        if not self.switch.toggle(role):
            self._say_missing(role)

    def _next_expert(self) -> None:
        self.switch.blink(False)
        if not self.switch.next_expert():
            self._say_missing(expert(1))

    def _say_missing(self, role: str) -> None:
        text = tr('The project has no layer "{}": load the layers of the run, or right-click its button.')
        self.said.emit(text.format(role_title(role, self._experts)))

    def _toggle_outline(self) -> None:
        """Let the place be seen bare: neither its outline nor the layer of candidates is drawn."""
        seen = not self.view.outlined
        for view in self._views():
            view.outlined = seen
        for node in self._project.layerTreeRoot().findLayers():
            if candidates_file(node.layer()) == self._path:
                node.setItemVisibilityChecked(seen)

    def _toggle_scale(self) -> None:
        self.view.keep_scale = not self.view.keep_scale
        self.said.emit(
            tr("The scale stays from now on.")
            if self.view.keep_scale
            else tr("Every candidate fills the view.")
        )

    def toggle_second(self) -> None:
        """Open the second map, or close it."""
        if self.second is not None:
            self._close_second()
            return
        self.second = SecondMap(self.view, self._project, self._iface.mainWindow())
        self.second.closed.connect(self._close_second)
        hillshade = find_roles(self._project, self._files).get(HILLSHADE)
        if hillshade:
            self.second.suggest(hillshade[0].id())
        self._keys.listen(self.second)
        self._iface.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.second)
        if not self._outline.isNull():
            self.second.view.outline(self._outline)
        self.second.view.outlined = self.view.outlined
        self.second.follow()

    def _close_second(self) -> None:
        second, self.second = self.second, None
        if second is None:
            return
        second.shut()
        self._iface.removeDockWidget(second)
        second.deleteLater()

    def _views(self) -> list[CandidateView]:
        return [self.view] if self.second is None else [self.view, self.second.view]

    def _offer_layers(self, role: str) -> None:
        """Let the user say which layer has a role."""
        menu = QMenu(self._bar)
        layers = (node.layer() for node in self._project.layerTreeRoot().findLayers())
        for layer in layers:
            if isinstance(layer, QgsRasterLayer):
                entry = menu.addAction(layer.name())
                entry.setCheckable(True)
                entry.setChecked(layer.customProperty(ROLE_PROPERTY) == role)
                entry.triggered.connect(lambda on, layer=layer: self._choose(layer, role, on))
        menu.exec(QCursor.pos())

    def _choose(self, layer: QgsRasterLayer, role: str, on: bool) -> None:
        if on:
            layer.setCustomProperty(ROLE_PROPERTY, role)
        else:
            layer.removeCustomProperty(ROLE_PROPERTY)
        self.refresh_layers()
