"""Names of the groups in which the layers of a run stand. Who belongs to a run is told by its record."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.core import QgsProcessingContext, QgsProject, QgsProviderRegistry

from .i18n import tr


def group_name(run: str, project: QgsProject | None) -> str:
    """Return a name for the run's group that the project does not have yet; ask in the main thread."""
    name = tr("MCE land cover {}").format(run)
    taken = {group.name() for group in project.layerTreeRoot().findGroups(True)} if project else set()
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique


def group_of_run(run: Path, context: QgsProcessingContext) -> str:
    """Return the group in which layers of the run stand, or will when they are loaded, else a new name."""
    files = run_files(run)
    for source, details in context.layersToLoadOnCompletion().items():
        if details.groupName and Path(source.partition("|")[0]) in files:
            return details.groupName
    project = context.project()
    root = project.layerTreeRoot() if project else None
    for node in root.findLayers() if root else ():
        layer, group = node.layer(), node.parent()
        if layer is None or group is root:
            continue
        parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
        if Path(str(parts.get("path") or "")) in files:
            return group.name()
    return group_name(run.name, project)


def run_files(run: Path) -> set[Path]:
    """Return the products of a run, wherever they lie; none where the folder holds no record of a run."""
    try:
        products = json.loads((run / "run.json").read_text(encoding="utf-8"))["products"]
        return {Path(file) for file in products.values()} | {
            run / Path(file).name for file in products.values()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()  # the job says what is wrong with the record
