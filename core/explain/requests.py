"""What the job `explain` takes. Imports nothing heavy."""

from typing import ClassVar

from ..base.requests import Device, OptionalPath, OptionalText, OutputPath, option
from ..mapping.requests import EXTENT, SourcesRequest


class ExplainRequest(SourcesRequest):
    """Show where the network saw a class: a heat map of the pixels that spoke for it, or against it.

    A candidate is explained with the rasters and the model of its run; others can be given.
    """

    job: ClassVar[str] = "explain"

    output: OutputPath = option("Heat map to write; its style lies beside it.", metavar="TIF")
    model: OptionalText = option(
        "Model bundle; default: the candidate's, else demo.", None, metavar="demo|screen|FILE"
    )
    candidates: OptionalPath = option(
        "Explain why a candidate of this file was flagged; needs --uuid.", None, metavar="GPKG"
    )
    uuid: OptionalText = option("Which candidate: its uuid in the file.", None, metavar="UUID")
    extent: OptionalText = option("Explain this place in place of a candidate.", None, metavar=EXTENT)
    point: OptionalText = option(
        "Explain this pixel in place of a candidate.", None, metavar='"X,Y [EPSG:2056]"'
    )
    class_name: OptionalText = option(
        "Class to explain; default: the candidate's.", None, flag="--class", metavar="NAME|ID"
    )
    expert: OptionalText = option(
        "Expert to ask, by name or number; default: the one responsible for the class and fewest others.",
        None,
        metavar="NAME|N",
    )
    against: OptionalText = option(
        "Explain the class's lead over this one, not its logit alone.", None, metavar="NAME|ID"
    )
    crs: OptionalText = option(
        "CRS of the map, projected in metres; default: the image's.", None, metavar="EPSG:N"
    )
    device: Device = option("Where the network runs.", "auto")
    overwrite: bool = option("Replace results that are already there.", False)
