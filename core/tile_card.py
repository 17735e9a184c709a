"""The card of a screening model: everything about a network that says which classes a tile holds, but its
weights. Cards of mapping models live in `card.py`."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from .card import MAX_WINDOW, MAX_WINDOW_VALUES, Frozen, SourceSpec
from .catalogue import LandCoverClass

TILE_FORMAT_VERSION: Final = 1
#: What logits stand for: the score of a class is its logit, or how far that exceeds sparsemax's threshold. In
#: both cases the class is predicted where its score is above 0, unless the card has another threshold.
Link = Literal["sigmoid", "sparsemax"]


class TileArchitecture(Frozen):
    """Which network looks at a tile; see `core/tile_network.py`.

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
