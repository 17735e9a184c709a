"""Model cards: everything about a network but its weights. `ModelCard` describes a mapping model,
`TileCard` a screening model; each is the JSON header of its file.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .classes import LandCoverClass

FORMAT_VERSION: Final = 1
#: Limits that keep a hostile card from asking for absurd memory: window side, values of one window.
MAX_WINDOW: Final = 8192
MAX_WINDOW_VALUES: Final = 2**30
#: Rules that need nothing learnt.
PlainAggregation = Literal[
    "mean", "mean_responsible", "max", "zero_nontarget", "zero_nontarget_responsible", "conditional"
]
AggregationName = Literal[PlainAggregation, "composed"]
Resampling = Literal["nearest", "bilinear", "cubic", "average"]


class Frozen(BaseModel):
    """Base of what cards are made of: unknown fields are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Normalisation(Frozen):
    """`(scale * x [- minimum of the window] - mean) / std`, per band.

    `window_min` first subtracts the smallest valid value of the window, so that a DEM becomes a local
    relief (docs/science/methods.md section 1, "Inputs").
    """

    kind: Literal["standard", "window_min"] = "standard"
    scale: float = 1.0
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]


class SourceSpec(Frozen):
    """One named raster input: `bands` in network order, `gsd_m` the sampling distance trained on.

    `resampling` is used where the raster's grid differs from the model's; shrinking always averages unless
    `nearest`. `nodata` counts as missing where the raster itself declares none. `unit` is checked where the
    raster declares one (a DEM in feet is refused).
    """

    role: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    bands: tuple[str, ...] = Field(min_length=1, max_length=256)
    gsd_m: float = Field(gt=0)
    resampling: Resampling = "bilinear"
    normalisation: Normalisation
    nodata: float | None = None
    unit: str | None = None

    @model_validator(mode="after")
    def _one_statistic_per_band(self) -> Self:
        if not len(self.normalisation.mean) == len(self.normalisation.std) == len(self.bands):
            raise ValueError(f"source {self.role}: mean and std need one value per band")
        return self


class ExpertSpec(Frozen):
    """One expert and the ids of the classes it is responsible for (the paper's C_i)."""

    name: str
    classes: tuple[int, ...] = Field(min_length=1)


class Composition(Frozen):
    """What the aggregation `composed` has learnt of K nested experts; see `aggregation.py`.

    `gate[k]` weighs the log odds that every expert gives to every narrower group, those of expert 1 first;
    `voices[k]` weighs the logits of experts 1 to k; `offset` is added to the log-probability of each class.
    """

    gate: tuple[tuple[float, ...], ...]  # [K-1][K (K-1)]
    gate_bias: tuple[float, ...]  # [K-1]
    voices: tuple[tuple[float, ...], ...]  # [K], rows of 1 to K
    bias: tuple[float, ...]  # [C]
    offset: tuple[float, ...]  # [C]

    def fits(self, n_experts: int, n_classes: int) -> bool:
        """Say whether there are as many numbers as so many experts and classes need."""
        narrower = n_experts - 1
        return (
            len(self.gate) == len(self.gate_bias) == narrower
            and all(len(row) == n_experts * narrower for row in self.gate)
            and [len(row) for row in self.voices] == list(range(1, n_experts + 1))
            and len(self.bias) == len(self.offset) == n_classes
        )


class Architecture(Frozen):
    """Which network of segmentation-models-pytorch carries the experts; see `network.py`.

    `encoder_depth` is how many halvings of the encoder are used (4 leaves out the stage at stride 32).
    `decoder_channels` is the width of the decoder's last features, which the experts read at `decoder_stride`
    (a DeepLabV3+ always gives stride 4, an FCN stride 8). `deeplabv3plus_authors` is the network of the MCE
    paper's authors, with widths of its own.
    """

    decoder: Literal["deeplabv3plus", "unet", "deeplabv3plus_authors", "fcn"]
    #: No address or path can be an encoder's name: timm would fetch it.
    encoder: str = Field(pattern=r"^[a-z][A-Za-z0-9_.-]*$", max_length=80)
    encoder_depth: Literal[3, 4, 5] = 5
    encoder_output_stride: Literal[8, 16] | None = None
    decoder_channels: int | None = Field(default=None, gt=0, le=2048)
    decoder_stride: Literal[1, 2, 4] = 4
    expert_channels: int = Field(gt=0, le=2048)

    @model_validator(mode="after")
    def _stride_fits_decoder(self) -> Self:
        if self.decoder != "unet" and self.decoder_stride != 4:
            raise ValueError("only a U-Net has a decoder_stride to choose")
        if self.decoder in ("deeplabv3plus_authors", "fcn"):
            if self.encoder_depth != 5 or self.encoder_output_stride not in (None, 8):
                raise ValueError(
                    f"{self.decoder} needs an encoder_depth of 5 and an encoder_output_stride of 8"
                )
            if self.decoder_channels is not None:
                raise ValueError(f"the width of {self.decoder} is given by its encoder")
        return self


class ModelCard(Frozen):
    """What a bundle says of itself.

    Logit channel `c` of the network is `classes[c]`; `pixel_counts[c]` are its training pixels (the priors).
    `gsd_m` is the grid of the map in metres, `window` and `stride` are in pixels of that grid. Only a model
    with a `composition` has the aggregation `composed`.
    """

    format_version: Literal[1] = FORMAT_VERSION
    name: str
    description: str = ""
    architecture: Architecture
    classes: tuple[LandCoverClass, ...] = Field(min_length=2)
    experts: tuple[ExpertSpec, ...] = Field(min_length=1, max_length=64)
    sources: tuple[SourceSpec, ...] = Field(min_length=1, max_length=64)
    gsd_m: float = Field(gt=0)
    window: int = Field(gt=0, le=MAX_WINDOW)
    stride: int = Field(gt=0)
    aggregation: AggregationName = "mean_responsible"
    composition: Composition | None = None
    pixel_counts: tuple[Annotated[int, Field(ge=0)], ...]
    provenance: dict[str, Any] = {}
    scores: dict[str, Any] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [c.id for c in self.classes]
        roles = [s.role for s in self.sources]
        if len(set(ids)) != len(ids) or len(set(roles)) != len(roles):
            raise ValueError("class ids and source roles must be unique")
        if len(self.pixel_counts) != len(ids):
            raise ValueError("pixel_counts needs one value per class")
        if set(self.experts[0].classes) != set(ids):
            raise ValueError("the first expert must be responsible for every class")
        if any(not set(e.classes) <= set(ids) for e in self.experts):
            raise ValueError("an expert names a class that the model does not have")
        if self.aggregation == "composed" and self.composition is None:
            raise ValueError("the aggregation composed needs a composition")
        if self.composition and not self.composition.fits(len(self.experts), len(ids)):
            raise ValueError("the composition is not of this many experts and classes")
        if self.stride > self.window:
            raise ValueError("the stride must not exceed the window")
        if self.n_bands > 1024:
            raise ValueError("more than 1024 bands")
        if self.window**2 * max(self.n_bands, len(self.experts) * len(ids)) > MAX_WINDOW_VALUES:
            raise ValueError("one window of this many bands, experts and classes does not fit in memory")
        return self

    @property
    def n_bands(self) -> int:
        """Number of raster bands the network reads, over all sources in order."""
        return sum(len(s.bands) for s in self.sources)

    @property
    def responsible(self) -> tuple[tuple[bool, ...], ...]:
        """`[K][C]`: is expert k responsible for the class of logit channel c?"""
        return tuple(tuple(c.id in e.classes for c in self.classes) for e in self.experts)

    def source(self, role: str) -> SourceSpec:
        """Return the source of that role."""
        return next(s for s in self.sources if s.role == role)


TILE_FORMAT_VERSION: Final = 1
#: What logits stand for: the score of a class is its logit, or how far that exceeds sparsemax's threshold. In
#: both cases the class is predicted where its score is above 0, unless the card has another threshold.
Link = Literal["sigmoid", "sparsemax"]


class TileArchitecture(Frozen):
    """Which network looks at a tile; see `tile_network.py`.

    `encoder` is a network of timm (`timm` only), `pooling` how its last features become one vector. `width`
    scales `patch_cnn` and is the number of units of the last two layers of `three_branch`.
    `stem_stride` is the distance between the first filters of `patch_cnn` in pixels.
    """

    kind: Literal["patch_cnn", "short_cnn", "three_branch", "timm"]
    #: No address or path can be an encoder's name: timm would fetch it.
    encoder: str | None = Field(default=None, pattern=r"^[a-z][A-Za-z0-9_.-]*$", max_length=80)
    pooling: Literal["avg", "max", "catavgmax"] = "avg"
    width: int = Field(default=32, gt=0, le=2048)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    stem_stride: Literal[1, 2] = 2

    @model_validator(mode="after")
    def _encoder_for_timm(self) -> Self:
        if (self.kind == "timm") != (self.encoder is not None):
            raise ValueError("an encoder belongs to networks of kind timm, and to no other")
        return self


class TileCard(Frozen):
    """What a screening model says of itself.

    Logit `c` is `classes[c]`; `label_counts[c]` of `n_samples` training tiles held it. A tile is a square of
    `window` pixels of `gsd_m` metres; it counted as holding a class from the share `min_share` on. The
    probability of class c is `sigmoid(slope * score + offset)`, its pair in `calibration` fitted on the
    validation tiles; it is predicted where its score is above `thresholds[c]`.
    """

    format_version: Literal[1] = TILE_FORMAT_VERSION
    name: str
    description: str = ""
    architecture: TileArchitecture
    classes: tuple[LandCoverClass, ...] = Field(min_length=2)
    sources: tuple[SourceSpec, ...] = Field(min_length=1, max_length=64)
    gsd_m: float = Field(gt=0)
    window: int = Field(gt=0, le=MAX_WINDOW)
    loss: str = ""
    link: Link = "sigmoid"
    calibration: tuple[tuple[Annotated[float, Field(ge=0)], float], ...] = ()
    thresholds: tuple[float, ...] = ()
    min_share: float = Field(default=0.0, ge=0, lt=1)
    label_counts: tuple[Annotated[int, Field(ge=0)], ...]
    n_samples: int = Field(ge=0)
    provenance: dict[str, Any] = Field(default_factory=dict)
    scores: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [c.id for c in self.classes]
        roles = [s.role for s in self.sources]
        if len(set(ids)) != len(ids) or len(set(roles)) != len(roles):
            raise ValueError("class ids and source roles must be unique")
        for name in ("label_counts", "calibration", "thresholds"):
            values = getattr(self, name)
            if len(values) != len(ids) and (values or name == "label_counts"):
                raise ValueError(f"{name} needs one value per class")
        if self.n_bands > 1024:
            raise ValueError("more than 1024 bands")
        if self.window**2 * self.n_bands > MAX_WINDOW_VALUES:
            raise ValueError("one tile of this many bands does not fit in memory")
        return self

    @property
    def n_bands(self) -> int:
        """Number of raster bands the network reads, over all sources in order."""
        return sum(len(s.bands) for s in self.sources)

    @property
    def tile_m(self) -> float:
        """Side of a tile in metres."""
        return self.window * self.gsd_m
