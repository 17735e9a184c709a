"""What the job `screen_tiles` takes. Imports nothing heavy."""

from typing import ClassVar, Self

from pydantic import model_validator

from ..base.requests import Device, Names, OptionalText, OutputPath, Precision, ScreenName, option
from ..mapping.requests import EXTENT, SourcesRequest


class ScreenRequest(SourcesRequest):
    """Rank the tiles of a region by the probability that they hold a rare class, without mapping them.

    The layer has a probability per class and a rank; predict --tiles maps the first of them. A square larger
    than the model's tile is as probable as its best tile.
    """

    job: ClassVar[str] = "screen_tiles"

    output: OutputPath = option("GeoPackage of tiles to write.", metavar="GPKG")
    model: ScreenName = option("Screening model (.safetensors).", "screen", metavar="screen|FILE")
    classes: Names = option(
        "Class to look for; repeat it. Default: the rare ones.", (), flag="--class", metavar="NAME|ID"
    )
    grid_m: float | None = option(
        "Side of the squares, a multiple of the model's tile; default: it.", None, metavar="METRES", gt=0
    )
    extent: OptionalText = option("Map this part only; default: all of the image.", None, metavar=EXTENT)
    crs: OptionalText = option(
        "CRS of the map, projected in metres; default: the image's.", None, metavar="EPSG:N"
    )
    device: Device = option("Where the network runs.", "auto")
    precision: Precision = option("Arithmetic; auto takes the fastest safe one.", "auto")
    overwrite: bool = option("Replace results that are already there.", False)

    @model_validator(mode="after")
    def _something_to_screen(self) -> Self:
        return self.require_sources()
