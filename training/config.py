"""Configurations of trainings, as YAML files have them, checked once at the door: the model, the tiles, the
loss, the optimizer and the trainer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..core.base.errors import InputError
from ..core.model.card import Architecture, ExpertSpec, Normalisation, PlainAggregation, Resampling
from ..core.model.classes import LandCoverClass
from .data.camvid import Part
from .data.cut import CONFIG
from .data.samples import Symmetry
from .data.tlm import Coding
from .losses.mce import Complement
from .requests import LossName, Strategy


@dataclass(frozen=True)
class LossSettings:
    """Which loss: `mce`, or one of the single-head ones; the rest is of `mce` only, see `losses/mce.py`."""

    name: Literal["mce"] | LossName = "mce"
    complement: Complement = "pixels"
    complement_weight: float = 1.0
    rare_weight: float = 1.0


@dataclass(frozen=True)
class OptimizerSettings:
    """Adam and the course of its rates; the defaults are the paper's for DeepLabV3+ (docs/science/methods.md
    section 1).

    Attributes:
        adapted_lr: eq. 1 for the experts' rates.
        schedule: `plateau` multiplies by `factor` after `patience` epochs without a lower validation loss,
            `step` every `patience` epochs;
            `cosine` rises over `warmup` steps and falls to 0 at the end of the training.
    """

    lr: float = 1e-4
    weight_decay: float = 0.01
    adapted_lr: bool = True
    schedule: Literal["plateau", "step", "cosine", "constant"] = "plateau"
    patience: int = 10
    factor: float = 0.1
    warmup: int = 0


@dataclass(frozen=True)
class TrainerSettings:
    """How long and on what.

    Attributes:
        steps: ends a training before its epochs do; -1 never.
        accumulate: batches per optimizer step.
        devices: GPUs, or processes on the CPU, of this machine; more than one share the data (DDP), their
            batch norms counting together. `torchrun` sets more machines.
        every: epochs between validations.
    """

    epochs: int = 50
    steps: int = -1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = 1
    nodes: int = 1
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    accumulate: int = 1
    every: int = 1


T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)


class Section(BaseModel):
    """Part of a configuration: what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceConfig(Section):
    """One raster input; without a normalisation, mean and deviation are measured on the training tiles."""

    role: str
    bands: tuple[str, ...]
    gsd_m: float = Field(gt=0)
    scale: float = 1.0
    relief: bool = False
    unit: str | None = None
    nodata: float | None = None
    resampling: Resampling = "bilinear"
    normalisation: Normalisation | None = None
    files: tuple[Path, ...] = ()  # of `kind: rasters`; a folder stands for its rasters


class Lists(Section, Generic[T]):
    """Something for each split; `val` and `test` may be missing."""

    train: T
    val: T | None = None
    test: T | None = None

    @property
    def given(self) -> dict[str, T]:
        """Name of the split -> what is given for it."""
        everything = {"train": self.train, "val": self.val, "test": self.test}
        return {name: value for name, value in everything.items() if value is not None}


class SplitConfig(Section):
    """How tiles are dealt to training, validation and test; see `splits.py`."""

    strategy: Strategy = "blocked_iterative"
    ratios: tuple[float, float, float] = (0.6, 0.2, 0.2)
    block_m: float | None = None
    seed: int = 0


class TlmData(Section):
    """Hectares in the format of the MCE paper's dataset."""

    kind: Literal["tlm"]
    folder: Path
    lists: Lists[Path]
    coding: Coding = "raw"
    wetland: int | None = None


class FlairData(Section):
    """FLAIR-1; the splits are lists of domains."""

    kind: Literal["flair"]
    images: Path
    masks: Path
    domains: Lists[tuple[str, ...]]


class CamvidData(Section):
    """CamVid street scenes; `size` is rows and columns to bring frames to."""

    kind: Literal["camvid"]
    folder: Path
    parts: Lists[Part] = Lists[Part](train="train", val="val", test="test")
    size: tuple[int, int] | None = None


class RasterData(Section):
    """Georeferenced rasters; `labels` are rasters, or one file of polygons whose `field` is the class."""

    kind: Literal["rasters"]
    labels: tuple[Path, ...]
    field: str | None = None
    crs: str | None = None
    own_codes: bool = False
    ignored: tuple[int, ...] = (0, 255)
    split: SplitConfig = SplitConfig()


class CutData(Section):
    """A folder of tiles that `prepare_tiles` has cut; it knows its classes, sources, grid and splits."""

    kind: Literal["tiles"]
    folder: Path


class SceneData(Section):
    """The embedded synthetic scene: seeds of scenes and their side in pixels of half a metre."""

    kind: Literal["scene"]
    seeds: Lists[tuple[int, ...]]
    side: int = Field(default=1024, gt=0)


class LoadConfig(Section):
    """How samples are drawn and loaded.

    Attributes:
        patches: windows per epoch drawn anew from the training areas, a share `balanced` of them around a
            pixel of a class drawn at random; None takes each tile once per epoch.
        keep_gb: tiles that need no more memory than this are read once and kept.
    """

    batch_size: int = Field(default=8, gt=0)
    workers: int | None = Field(default=None, ge=0)
    symmetry: Symmetry = "square"
    jitter: float = Field(default=0.2, ge=0, lt=1)
    patches: int | None = Field(default=None, gt=0)
    balanced: float = Field(default=0.5, ge=0, le=1)
    keep_gb: float = Field(default=2.0, ge=0)
    cache: Path | None = None


class ModelConfig(Section):
    """The network and what its card says.

    Attributes:
        catalogue: a shipped one, or the classes themselves; None takes that of the data's format.
        experts: 1..3 nested ones by frequency group, or a table.
        encoder_weights: "imagenet" downloads; a file of weights is read.
    """

    name: str = "land cover"
    description: str = ""
    architecture: Architecture
    catalogue: str | tuple[LandCoverClass, ...] | None = None
    experts: Annotated[int, Field(ge=1, le=3)] | tuple[ExpertSpec, ...] = 3
    sources: tuple[SourceConfig, ...] | None = None
    encoder_weights: str | None = None
    gsd_m: float | None = None
    window: int | None = None
    stride: int | None = None
    aggregation: PlainAggregation = "mean_responsible"


DataConfig = Annotated[
    TlmData | FlairData | CamvidData | RasterData | CutData | SceneData, Field(discriminator="kind")
]


class Config(Section):
    """A whole training.

    Attributes:
        output: the bundle.
        folder: of checkpoints and logs; default: beside the bundle.
        beside: relative paths of `output`, `folder` and a folder of tiles start at the configuration's own
            folder, so that it can be moved with its data; else where the command is run.
    """

    output: Path
    folder: Path | None = None
    beside: bool = False
    seed: int = 0
    model: ModelConfig
    data: DataConfig
    load: LoadConfig = LoadConfig()
    loss: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    trainer: TrainerSettings = TrainerSettings()

    @property
    def run_folder(self) -> Path:
        """Folder of checkpoints and logs."""
        return self.folder or self.output.with_suffix(".run")


def read_config(path: Path, changes: Sequence[str] = ()) -> Config:
    """Read a file, or the `train.yaml` of a folder.

    `changes` such as `trainer.epochs=2` replace single values.

    Raises:
        InputError: in one sentence, if it is missing, no YAML, or says something unknown or impossible.
    """
    path = path / CONFIG if path.is_dir() else path
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The configuration {path} cannot be read ({error.strerror or error}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"The configuration {path} is not valid YAML ({_first_line(error)}).") from error
    if not isinstance(raw, dict):
        raise InputError(f"The configuration {path} has no sections; it needs output, model and data.")
    for change in changes:
        _replace(raw, change)
    config = check_config(raw, str(path))
    return _moved(config, path.absolute().parent) if config.beside else config


def check_config(raw: Mapping[str, Any], name: str) -> Config:
    """Return the configuration of plain values; see `checked`."""
    return checked(Config, raw, name)


def checked(kind: type[ModelT], raw: Mapping[str, Any], name: str) -> ModelT:
    """Return the settings of plain values; `name` says in errors where they come from.

    Raises:
        InputError: in one sentence, if they say something unknown or impossible.
    """
    try:
        return kind.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"The configuration {name} cannot be used: {place}: {first['msg']}.") from error


def _moved(config: Config, base: Path) -> Config:
    """Return the configuration with the paths that start at its own folder made whole."""
    data = config.data
    if isinstance(data, CutData):
        data = data.model_copy(update={"folder": base / data.folder})
    folder = config.folder and base / config.folder
    return config.model_copy(update={"output": base / config.output, "folder": folder, "data": data})


def _replace(raw: dict[str, Any], change: str) -> None:
    """Set one value, `section.name=value`, in YAML."""
    place, separator, text = change.partition("=")
    *sections, key = place.strip().split(".")
    target: Any = raw
    for section in sections:
        target = target.setdefault(section, {}) if isinstance(target, dict) else None
    if not separator or not isinstance(target, dict):
        raise InputError(f"The change {change!r} is not of the form section.name=value.")
    try:
        target[key] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"The value of the change {change!r} is not valid YAML.") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
