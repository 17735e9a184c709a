"""What the jobs take that make models: `prepare_tiles`, `train`, `fit_aggregation`, `import_weights`, and
those that make the embedded models anew. Imports nothing heavy.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from ..core.base.requests import (
    ClassField,
    Device,
    JobRequest,
    Lines,
    ModelName,
    Names,
    OptionalOutput,
    OptionalText,
    OutputPath,
    Paths,
    option,
)
from ..core.mapping.requests import EXTENT, SourcesRequest
from ..core.model.card import PlainAggregation

Strategy = Literal["blocked_iterative", "blocked", "iterative", "dominant", "random"]
LossName = Literal["ce", "wce", "cb", "balanced", "seesaw", "focal", "lovasz", "cdfl", "cdfl_normalized"]
SplitName = Literal["val", "test", "train"]
_OVERWRITE = "Replace results that are already there."
_BUNDLE = "Bundle to write (.safetensors)."


class PrepareTilesRequest(SourcesRequest):
    """Cut rasters and labels to a folder of tiles that train takes, here or on another machine."""

    job: ClassVar[str] = "prepare_tiles"

    labels: Paths = option("Label raster (repeat it for a mosaic), or polygons.", metavar="FILE")
    label_field: ClassField = option(
        "Field of the polygons with the class, by name or id.", "class", metavar="NAME"
    )
    classes: OptionalText = option(
        "swisstlm3d, flair, camvid, a class table (.csv), a catalogue (.json) or a model (.safetensors); "
        "default: what the labels hold.",
        None,
        metavar="NAME|FILE",
    )
    label_codes: Literal["ids", "source"] = option("Labels hold class ids, or the source's codes.", "ids")
    ignored: Names = option(
        "Values that mean unlabelled, with commas; 0 and 255 do.", (), metavar="VALUES", text=True
    )
    output: OutputPath = option("Folder for the tiles.", metavar="DIR")
    name: str = option("Name of the model-to-be.", "land cover", metavar="TEXT", min_length=1)
    crs: OptionalText = option(
        "CRS of the tiles, projected in metres; default: the image's.", None, metavar="EPSG:N"
    )
    extent: OptionalText = option("Where labels count.", None, metavar=EXTENT)
    gsd_m: float | None = option(
        "Pixel; default: the label raster's, or the image's.", None, metavar="METRES", gt=0
    )
    tile: int = option("Side of a tile, the model's window.", 200, metavar="PIXELS", ge=16, le=4096)
    min_labelled: float = option(
        "Leave tiles out of which less is labelled.", 0.0, metavar="SHARE", ge=0, le=1
    )
    split: Strategy = option(
        "How tiles are split: blocked_iterative, blocked, iterative, dominant or random.",
        "blocked_iterative",
        metavar="NAME",
    )
    val_share: float = option("Tiles to validate on.", 0.15, metavar="SHARE", ge=0, lt=1)
    test_share: float = option("Tiles to test on.", 0.15, metavar="SHARE", ge=0, lt=1)
    block_m: float | None = option(
        "Side of a block; default: up to four tiles.", None, metavar="METRES", gt=0
    )
    seed: int = option("Seed of the split.", 0, metavar="N", ge=0)
    overwrite: bool = option(_OVERWRITE, False)

    @model_validator(mode="after")
    def _something_to_cut(self) -> Self:
        return self.require_sources()


class TrainRequest(JobRequest):
    """Train a model from a configuration file or a folder of tiles and write its bundle.

    A training that was cancelled or killed goes on from its last whole epoch when the same command is given
    again; a cancelled one leaves the best weights so far beside the place of the finished bundle.
    """

    job: ClassVar[str] = "train"

    config: Path = option("Configuration (YAML), or a folder of tiles.", metavar="FILE|DIR")
    output: OptionalOutput = option(
        "Bundle to write (.safetensors); default: the configuration's.", None, metavar="FILE"
    )
    epochs: int | None = option("Times through the training tiles.", None, metavar="N", gt=0)
    experts: int | None = option("Number of nested experts.", None, metavar="1|2|3", ge=1, le=3)
    loss: OptionalText = option(
        "mce; for one expert ce, wce, cb, balanced, seesaw, focal, lovasz, cdfl or cdfl_normalized.",
        None,
        metavar="NAME",
        choices=("mce", *LossName.__args__),  # type: ignore[attr-defined]
    )
    encoder: OptionalText = option("Encoder, such as resnet18 or resnet50.", None, metavar="NAME")
    pretrained: bool = option("Start at ImageNet weights, which are downloaded.", False)
    device: Device | None = option("Where to train; default: as configured.", None)
    learning_rate: float | None = option("Learning rate.", None, metavar="RATE", gt=0)
    change: Lines = option(
        "Replace one value, such as trainer.epochs=2; repeat it.", (), flag="--set", metavar="PLACE=VALUE"
    )
    resume: bool = option(
        "Go on with an unfinished training, or discard it.", True, flag="--resume/--restart"
    )

    @property
    def changes(self) -> tuple[str, ...]:
        """All changes as `section.name=value`, those of `change` last, so that they win."""
        chosen: Mapping[str, Any] = {
            "output": self.output and str(self.output),
            "trainer.epochs": self.epochs,
            "model.experts": self.experts,
            "loss.name": self.loss,
            "model.architecture.encoder": self.encoder,
            "model.encoder_weights": "imagenet" if self.pretrained else None,
            "trainer.device": self.device,
            "optimizer.lr": self.learning_rate,
        }
        named = [f"{place}={json.dumps(value)}" for place, value in chosen.items() if value is not None]
        return (*named, *self.change)


class FitAggregationRequest(JobRequest):
    """Learn from tiles how a model's experts are best combined, and write a bundle that does so."""

    job: ClassVar[str] = "fit_aggregation"

    model: ModelName = option(
        "A .safetensors bundle, or the embedded demo model.", "demo", metavar="FILE|demo", positional=True
    )
    config: Path = option("Folder of tiles, or the model's training configuration.", metavar="FILE|DIR")
    output: OutputPath = option(_BUNDLE, metavar="FILE")
    split: SplitName = option("Tiles to learn from, best such as the experts were not trained on.", "val")
    reference: PlainAggregation | None = option(
        "Call as many pixels rare as this aggregation does: mean for many, conditional for few; default: the "
        "model's.",
        None,
        metavar="NAME",
    )
    overwrite: bool = option(_OVERWRITE, False)


class ImportWeightsRequest(JobRequest):
    """Turn the published weights of the MCE paper's authors into a bundle."""

    job: ClassVar[str] = "import_weights"

    checkpoint: Path = option("Checkpoint of the authors (.pth).", metavar="FILE", positional=True)
    output: OutputPath = option(_BUNDLE, metavar="FILE")
    overwrite: bool = option(_OVERWRITE, False)


class TrainDemoRequest(JobRequest):
    """Train the embedded demo model anew on synthetic scenes."""

    job: ClassVar[str] = "train_demo"

    output: OptionalOutput = option(
        "Bundle to write; default: the embedded demo model.", None, metavar="FILE"
    )
    steps: int | None = option("Training steps; default: the recipe's.", None, metavar="N", gt=0)
    seed: int = option("Seed of weights, data and their order.", 7, metavar="N", ge=0)


class TrainScreenRequest(JobRequest):
    """Train the embedded screening model anew, on synthetic scenes."""

    job: ClassVar[str] = "train_screen"

    output: OptionalOutput = option("Bundle to write; default: the embedded one.", None, metavar="FILE")
    epochs: int | None = option("Epochs; default: the plan's.", None, metavar="N", gt=0)
    seed: int = option("Seed of weights and order.", 0, metavar="N", ge=0)
