"""How the results of a run stand in the project: one group per run, the map on top. Not needed headless."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsColorRampShader,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

from .i18n import tr


@dataclass(frozen=True)
class Placed:
    """A file to load: its layer name, and whether it is seen at first.

    `heat_band` names the band, with values 0 to 1, shown as a heat map where no QML is beside the file.
    """

    file: Path
    name: str
    visible: bool = True
    expanded: bool = True
    heat_band: str = ""


#: One per file until the plugin goes: QGIS keeps no reference to a post-processor of ours (its issue 47533).
_stylers: dict[str, Styler] = {}


class Styler(QgsProcessingLayerPostProcessorInterface):
    """Applies the QML beside the file, and shows or hides the layer in the tree."""

    def __init__(self, placed: Placed) -> None:
        super().__init__()
        self._placed = placed

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        style = self._placed.file.with_suffix(".qml")
        if style.is_file():
            message, ok = layer.loadNamedStyle(str(style))
            if ok:
                layer.triggerRepaint()
            else:
                feedback.pushWarning(tr("The style {} was not used ({}).").format(style, message))
        elif self._placed.heat_band:
            show_heat(layer, self._placed.heat_band)
        project = context.project()
        node = project.layerTreeRoot().findLayer(layer.id()) if project else None
        if node is not None:
            node.setItemVisibilityChecked(self._placed.visible)
            node.setExpanded(self._placed.expanded)


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
    """Return the products of a `predict` run from top to bottom: map, experts in order, the rest hidden."""
    placed = []
    for product in sorted(products, key=_rank):
        file = Path(products[product])
        if product == "land_cover":
            placed.append(Placed(file, tr("Land cover")))
        elif product.startswith("expert_"):
            placed.append(Placed(file, tr("Expert {}").format(_rank(product)[1]), expanded=False))
        else:
            placed.append(Placed(file, tr("Evidence"), visible=False, expanded=False, heat_band="entropy"))
    return placed


def _rank(product: str) -> tuple[int, int, str]:
    if product == "land_cover":
        return 0, 0, product
    if product.startswith("expert_"):
        return 1, int(product.rpartition("_")[2]), product
    return 2, 0, product


def group_name(run: str, project: QgsProject | None) -> str:
    """Return a name for the run's group that the project does not have yet; ask in the main thread."""
    name = tr("MCE land cover {}").format(run)
    taken = {group.name() for group in project.layerTreeRoot().findGroups(True)} if project else set()
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique


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
    for index, item in enumerate(reversed(placed)):
        key = str(item.file)
        if not context.willLoadLayerOnCompletion(key):
            if item.file not in wanted:
                continue
            details = QgsProcessingContext.LayerDetails(
                item.name, context.project(), "", QgsProcessingUtils.LayerHint.Raster
            )
            details.forceName = True
            context.addLayerToLoadOnCompletion(key, details)
        details = context.layerToLoadOnCompletionDetails(key)
        if details.name in titles:
            details.name = item.name
        details.groupName = group
        details.layerSortKey = index + 1
        _stylers[key] = Styler(item)
        details.setPostProcessor(_stylers[key])
