"""How results are loaded into the project: names, styles, order, and the group of the run they belong to."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsColorRampShader,
    QgsLayerTreeGroup,
    QgsLayerTreeLayer,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingUtils,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

from .i18n import tr


@dataclass(frozen=True)
class Placed:
    """A file to load: its layer name, and whether it is seen at first.

    `heat_band` names the band, with values 0 to 1, shown as a heat map where no QML is beside the file.
    `table` names the vector layer in a GeoPackage. Of layers loaded together a higher `level` stands above.
    """

    file: Path
    name: str
    visible: bool = True
    expanded: bool = True
    heat_band: str = ""
    table: str = ""
    level: int = 0

    @property
    def source(self) -> str:
        """What QGIS loads."""
        return f"{self.file}|layername={self.table}" if self.table else str(self.file)


#: One per file until the plugin goes: QGIS keeps no reference to a post-processor of ours (its issue 47533).
_stylers: dict[str, Styler] = {}


class Styler(QgsProcessingLayerPostProcessorInterface):
    """Applies the style that came with the file, and gives the layer its place in the tree."""

    def __init__(self, placed: Placed, group: str) -> None:
        super().__init__()
        self._placed = placed
        self._group = group

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        layer.reload()  # a layer of an earlier run reads on in the file that was replaced
        if isinstance(layer, QgsVectorLayer):
            layer.loadDefaultStyle()  # Processing does not, and it is in the GeoPackage
        else:
            self._style(layer, feedback)
        project = context.project()
        node = project.layerTreeRoot().findLayer(layer.id()) if project else None
        if node is not None:
            node = join(node, project.layerTreeRoot().findGroup(self._group))
            node.setItemVisibilityChecked(self._placed.visible)
            node.setExpanded(self._placed.expanded)
            if not isinstance(layer, QgsVectorLayer):
                let_vectors_up(node)

    def _style(self, layer: QgsRasterLayer, feedback: QgsProcessingFeedback) -> None:
        style = self._placed.file.with_suffix(".qml")
        if style.is_file():
            message, ok = layer.loadNamedStyle(str(style))
            if ok:
                layer.triggerRepaint()
            else:
                feedback.pushWarning(tr("The style {} was not used ({}).").format(style, message))
        elif self._placed.heat_band:
            show_heat(layer, self._placed.heat_band)


def join(node: QgsLayerTreeLayer, group: QgsLayerTreeGroup | None) -> QgsLayerTreeLayer:
    """Move a layer into its group and return its node: a model's last outputs lose the one we named."""
    if group is None or node in group.findLayers():
        return node
    moved = node.clone()
    group.insertChildNode(0, moved)
    node.parent().removeChildNode(node)
    return moved


def let_vectors_up(node: QgsLayerTreeLayer) -> None:
    """Move a raster that was loaded to the top of its group below the outlines that it hides."""
    group = node.parent()
    below = group.children()[group.children().index(node) + 1 :]
    hidden = 0
    while hidden < len(below) and isinstance(below[hidden], QgsLayerTreeLayer):
        if not isinstance(below[hidden].layer(), QgsVectorLayer):
            break
        hidden += 1
    if hidden:
        group.insertChildNode(group.children().index(node) + hidden + 1, node.clone())
        group.removeChildNode(node)


#: Dark to bright, even to the eye: entropy from 0 to 1.
HEAT = ((0.0, "#000004"), (0.33, "#781c6d"), (0.67, "#ed6925"), (1.0, "#fcffa4"))


def show_heat(layer: QgsRasterLayer, description: str) -> None:
    """Show the band whose description begins so, dark (0) to bright (1); change nothing without one."""
    provider = layer.dataProvider()
    bands = range(1, layer.bandCount() + 1)
    band = next((b for b in bands if provider.bandDescription(b).lower().startswith(description)), None)
    if band is None:
        return
    # Not renderer.createShader(ramp): it keeps the ramp that Python then frees, and QGIS crashes later.
    function = QgsColorRampShader(0.0, 1.0, None, QgsColorRampShader.Type.Interpolated)
    function.setColorRampItemList(
        [QgsColorRampShader.ColorRampItem(value, QColor(color), f"{value:g}") for value, color in HEAT]
    )
    shader = QgsRasterShader(0.0, 1.0)
    shader.setRasterShaderFunction(function)
    renderer = QgsSingleBandPseudoColorRenderer(provider, band, shader)
    renderer.setClassificationMin(0.0)
    renderer.setClassificationMax(1.0)
    layer.setRenderer(renderer)


def forget_stylers() -> None:
    """Drop the post-processors when the plugin goes."""
    _stylers.clear()


def place_products(products: Mapping[str, str]) -> list[Placed]:
    """Return the products of a `predict` run from top to bottom: map, experts in order, evidence hidden.

    Logits are not to look at.
    """
    placed = []
    for product in sorted(products, key=_rank):
        file = Path(products[product])
        if product == "land_cover":
            placed.append(Placed(file, tr("Land cover")))
        elif product.startswith("expert_"):
            placed.append(Placed(file, tr("Expert {}").format(_rank(product)[1]), expanded=False))
        elif product == "evidence":
            placed.append(Placed(file, tr("Evidence"), visible=False, expanded=False, heat_band="entropy"))
    return placed


def place_candidates(file: Path) -> Placed:
    """Return how the candidates of a run stand: above its rasters."""
    return Placed(file, tr("Candidates"), table="candidates", level=2)


def place_reviewed(file: Path) -> Placed:
    """Return how the map with the accepted candidates in it stands: above the map that it comes from."""
    return Placed(file, tr("Land cover, reviewed"), expanded=False, level=1)


def place_heat_map(file: Path, class_name: str) -> Placed:
    """Return how a heat map stands: above the maps, below the outlines."""
    return Placed(file, tr("Seen as {}").format(class_name), expanded=False, level=1)


def place_tiles(file: Path, classes: str) -> Placed:
    """Return how screened tiles stand: above the rasters of their region; `classes` are looked for."""
    return Placed(file, tr("Tiles: {}").format(classes), table="tiles", level=1)


def place_sample(file: Path) -> Placed:
    """Return how the points of a sample stand: above all else of their run."""
    return Placed(file, tr("Sample"), level=3)


def _rank(product: str) -> tuple[int, int, str]:
    if product == "land_cover":
        return 0, 0, product
    if product.startswith("expert_"):
        return 1, int(product.rpartition("_")[2]), product
    return 2, 0, product


def load_on_completion(
    placed: Sequence[Placed],
    group: str,
    context: QgsProcessingContext,
    wanted: Sequence[Path],
    titles: Collection[str] = (),
) -> None:
    """Have Processing load the files of `placed` that are `wanted`, in their order, into `group`.

    A file that Processing loads anyway, because the user chose it as an output, is placed with the others.
    Our name replaces the one it has there if that is only one of the parameters' `titles`.
    """
    hints = QgsProcessingUtils.LayerHint
    for index, item in enumerate(reversed(placed)):
        key = item.source
        if not context.willLoadLayerOnCompletion(key):
            if item.file not in wanted:
                continue
            details = QgsProcessingContext.LayerDetails(
                item.name, context.project(), "", hints.Vector if item.table else hints.Raster
            )
            details.forceName = True
            context.addLayerToLoadOnCompletion(key, details)
        details = context.layerToLoadOnCompletionDetails(key)
        if details.name in titles:
            details.name = item.name
        details.groupName = group
        details.layerSortKey = 100 * item.level + index + 1
        _stylers[key] = Styler(item, group)
        details.setPostProcessor(_stylers[key])


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
