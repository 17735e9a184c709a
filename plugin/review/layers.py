"""Which layers of the project are orthophoto, map, experts, evidence and hillshade, found by the files that
the record of the run names; and switching between them, one at a time, and back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsHillshadeRenderer,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..i18n import tr
from ..layers import Placed, Styler, group_name, place_candidates, place_products

#: A layer's own property: the role that the user gave it, where its file does not tell.
ROLE_PROPERTY = "mce_landcover/review_role"
ORTHOPHOTO, MAP, EVIDENCE, HILLSHADE = "orthophoto", "map", "evidence", "hillshade"


@dataclass(frozen=True)
class RunFiles:
    """The files of a run by role. `dem` is what a hillshade can be made of."""

    roles: dict[str, list[Path]] = field(default_factory=dict)
    dem: list[Path] = field(default_factory=list)
    folder: Path | None = None


def read_run_files(folders: Iterable[Path]) -> RunFiles:
    """Return the files of the first of the folders that holds the record of a run; none without one."""
    for folder in folders:
        try:
            record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            products = {name: _existing(Path(file), folder) for name, file in record["products"].items()}
            inputs = {i["role"]: [Path(f) for f in i["files"]] for i in record["inputs"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # a run that was moved away is no reason not to review
        roles = {MAP if name == "land_cover" else name: [file] for name, file in products.items()}
        roles.pop("logits", None)
        return RunFiles({ORTHOPHOTO: inputs.get("image", []), **roles}, inputs.get("dem", []), folder)
    return RunFiles()


def find_roles(project: QgsProject, files: RunFiles) -> dict[str, list[QgsMapLayer]]:
    """Return the layers of each role, those that the user chose himself first of all.

    Without the run's own orthophoto, the first raster of the tree that is none of the run's stands for it.
    """
    chosen: dict[str, list[QgsMapLayer]] = {}
    found: dict[str, list[QgsMapLayer]] = {}
    other: list[QgsMapLayer] = []
    for layer in _in_tree(project):
        own = str(layer.customProperty(ROLE_PROPERTY) or "")
        if own:
            chosen.setdefault(own, []).append(layer)
        elif not isinstance(layer, QgsVectorLayer):
            role = _role_of(layer, files)
            (found.setdefault(role, []) if role else other).append(layer)
    if ORTHOPHOTO not in found and other:
        found[ORTHOPHOTO] = other[:1]
    return {**found, **chosen}


def role_title(role: str, experts: Sequence[str]) -> str:
    """Return what the user reads; experts have a number and a name."""
    if role.startswith("expert_"):
        number = int(role.rpartition("_")[2])
        name = experts[number - 1] if number <= len(experts) else ""
        return tr("Expert {}: {}").format(number, name) if name else tr("Expert {}").format(number)
    titles = {
        ORTHOPHOTO: tr("Orthophoto"),
        MAP: tr("Map"),
        EVIDENCE: tr("Evidence"),
        HILLSHADE: tr("Hillshade"),
    }
    return titles.get(role, role)


def load_run(project: QgsProject, files: RunFiles, candidates: Path) -> None:
    """Add what the project lacks of a run: candidates, map, experts, evidence, orthophoto and a hillshade."""
    there = {path for layer in project.mapLayers().values() if (path := file_of(layer)) is not None}
    products = {"land_cover" if role == MAP else role: str(paths[0]) for role, paths in files.roles.items()}
    products.pop(ORTHOPHOTO, None)
    placed = [place_candidates(candidates), *place_products(products)]
    placed += [Placed(file, tr("Orthophoto"), expanded=False) for file in files.roles.get(ORTHOPHOTO, [])]
    placed += [Placed(file, tr("Hillshade"), visible=False, expanded=False) for file in files.dem]
    missing = [item for item in placed if item.file.is_file() and item.file.absolute() not in there]
    if not missing:
        return
    group = group_name((files.folder or candidates.parent).name, project)
    node = project.layerTreeRoot().insertGroup(0, group)
    context = QgsProcessingContext()
    context.setProject(project)
    for item in missing:
        layer = _load(item)
        if isinstance(layer, QgsRasterLayer) and item.file in files.dem:
            _shade(layer)
        project.addMapLayer(layer, addToLegend=False)
        node.addLayer(layer)
        if item.file not in files.dem:
            Styler(item, group).postProcessLayer(layer, context, QgsProcessingFeedback(False))
        tree = node.findLayer(layer.id())
        tree.setItemVisibilityChecked(item.visible)
        tree.setExpanded(item.expanded)


def file_of(layer: QgsMapLayer) -> Path | None:
    """Return the file that a layer is from, None where it is from elsewhere."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = str(parts.get("path") or "")
    return Path(path).absolute() if path else None


def _shade(layer: QgsRasterLayer) -> None:
    """Show a DEM as a hillshade, smooth where its pixels are larger than the screen's."""
    layer.setRenderer(QgsHillshadeRenderer(layer.dataProvider(), 1, 315.0, 45.0))
    layer.setResamplingStage(Qgis.RasterResamplingStage.Provider)
    layer.dataProvider().enableProviderResampling(True)
    layer.dataProvider().setZoomedInResamplingMethod(QgsRasterDataProvider.ResamplingMethod.Cubic)


def _load(item: Placed) -> QgsMapLayer:
    if item.table:
        return QgsVectorLayer(item.source, item.name, "ogr")
    return QgsRasterLayer(item.source, item.name)


def _in_tree(project: QgsProject) -> list[QgsMapLayer]:
    """Return the valid layers from the top of the tree to its bottom."""
    nodes = project.layerTreeRoot().findLayers()
    return [layer for node in nodes if (layer := node.layer()) is not None and layer.isValid()]


def _role_of(layer: QgsMapLayer, files: RunFiles) -> str:
    if isinstance(layer, QgsRasterLayer) and isinstance(layer.renderer(), QgsHillshadeRenderer):
        return HILLSHADE
    path = file_of(layer)
    roles = (role for role, paths in files.roles.items() if path in {p.absolute() for p in paths})
    return next(roles, "") if path is not None else ""


def _existing(file: Path, folder: Path) -> Path:
    """Return a product where it lies: the record keeps the place in which it was written."""
    moved = folder / file.name
    return moved if moved.is_file() else file


#: Each picture stands so long while they change by themselves: slow enough for those whom flashes harm.
BLINK_MS = 600


class LayerSwitch(QObject):
    """Shows the layers of one role and hides those of the others, in the layer tree."""

    #: The role that is shown now.
    shown_changed = pyqtSignal(str)

    def __init__(self, project: QgsProject, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._roles: dict[str, list[str]] = {}
        self._shown = self._before = ""
        self._timer = QTimer(self)
        self._timer.setInterval(BLINK_MS)
        self._timer.timeout.connect(self.flicker)

    @property
    def roles(self) -> Sequence[str]:
        """Roles that have layers."""
        return tuple(self._roles)

    @property
    def shown(self) -> str:
        """The role on top, empty before the first."""
        return self._shown

    def set_roles(self, roles: Mapping[str, Sequence[QgsMapLayer]]) -> None:
        """Take the layers of each role; nothing is switched, what is on top now is found out."""
        self._roles = {role: [layer.id() for layer in layers] for role, layers in roles.items() if layers}
        root = self._project.layerTreeRoot()
        visible = [n.layerId() for n in root.findLayers() if n.isVisible()]
        on_top = [role for id_ in visible for role, ids in self._roles.items() if id_ in ids]
        self._shown = on_top[0] if on_top else ""
        if self._before not in self._roles:
            self._before = ORTHOPHOTO if ORTHOPHOTO in self._roles else ""

    def show(self, role: str) -> bool:
        """Show the layers of a role alone; False where it has none."""
        if role not in self._roles:
            return False
        if role != self._shown:
            self._before = self._shown or self._before
        self._shown = role
        root = self._project.layerTreeRoot()
        for other, ids in self._roles.items():
            for id_ in ids:
                node = root.findLayer(id_)
                if node is None:
                    continue
                if other == role:
                    node.setItemVisibilityCheckedParentRecursive(True)
                else:
                    node.setItemVisibilityChecked(False)
        self.shown_changed.emit(role)
        return True

    def toggle(self, role: str) -> bool:
        """Show a role, or the orthophoto again where it is shown already; False where it has no layers."""
        back = self._shown == role != ORTHOPHOTO and ORTHOPHOTO in self._roles
        return self.show(ORTHOPHOTO if back else role)

    def next_expert(self) -> bool:
        """Show the next expert, after the last one the first; False where there is none."""
        experts = sorted(
            (role for role in self._roles if role.startswith("expert_")),
            key=lambda role: int(role.rpartition("_")[2]),
        )
        if not experts:
            return False
        at = experts.index(self._shown) if self._shown in experts else -1
        return self.show(experts[(at + 1) % len(experts)])

    def flicker(self) -> bool:
        """Change to the role that was shown before; False where there is none."""
        return bool(self._before) and self.show(self._before)

    @property
    def blinking(self) -> bool:
        """Do the last two change by themselves?"""
        return bool(self._timer.isActive())

    def blink(self, on: bool) -> None:
        """Let the last two change by themselves, or stop it."""
        if on and self._before:
            self._timer.start()
        else:
            self._timer.stop()
