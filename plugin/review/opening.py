"""Before a review: which file, and who reviews."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from qgis.core import QgsMapLayer, QgsProject, QgsProviderRegistry, QgsSettings, QgsVectorLayer
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QWidget

from ..i18n import tr

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
