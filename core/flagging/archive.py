"""The file of a meta classifier: two lines of JSON that a person can read, and no code. The first says what
it is and the checksum of the second. Files of earlier versions, skops archives, are read by `old_archive.py`.
"""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..base.errors import ModelError
from ..base.files import make_folder, write_whole
from .boosting import MetaSettings, Model
from .by_class import ClassBoosting, ClassCalibration
from .calibration import Calibration
from .classifier import MetaClassifier, Origin
from .kinds import DOUBTFUL, Kind
from .linear import Linear
from .outline_quality import OutlineQuality
from .scorer import Basis, Quality, Scorer
from .trees import Trees

MAX_BYTES = 64 * 2**20
FORMAT, FORMAT_VERSION = "mce-landcover meta classifier", 2
_ZIP = b"PK"
Slope = Annotated[float, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @classmethod
    def _copied(cls, thing: object) -> Self:
        """Return the attributes of a thing that have a field of their name, arrays as lists."""
        values = {name: getattr(thing, name) for name in cls.model_fields}
        return cls(**{k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()})


class TreesRecord(_Strict):
    """See `Trees`."""

    start: float
    rate: float
    n_features: int
    roots: list[int]
    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    value: list[float]
    gain: list[float]

    @classmethod
    def of(cls, trees: Trees) -> Self:
        """Return the record of trees."""
        return cls._copied(trees)

    def model(self) -> Trees:
        """Return the trees."""
        ints = ("roots", "feature", "left", "right")
        floats = ("threshold", "value", "gain")
        arrays: dict[str, Any] = {name: np.array(getattr(self, name), np.int64) for name in ints}
        arrays |= {name: np.array(getattr(self, name), np.float64) for name in floats}
        return Trees(start=self.start, rate=self.rate, n_features=self.n_features, **arrays)


class LinearRecord(_Strict):
    """See `Linear`."""

    start: float
    weights: list[float]
    quantiles: list[list[float]]

    @classmethod
    def of(cls, linear: Linear) -> Self:
        """Return the record of a linear function."""
        return cls._copied(linear)

    def model(self) -> Linear:
        """Return the linear function."""
        return Linear(self.start, np.array(self.weights, np.float64), np.array(self.quantiles, np.float64))


ModelRecord = TreesRecord | LinearRecord


def _record_of(model: Model) -> ModelRecord:
    """Return the record of what was learnt."""
    return TreesRecord.of(model) if isinstance(model, Trees) else LinearRecord.of(model)


class ScorerRecord(_Strict):
    """See `Scorer`; numbers that are unknown are null."""

    feature_names: tuple[str, ...] = Field(min_length=1, max_length=4096)
    fill: list[float]
    shared_curve: tuple[Slope, float]
    own_curves: dict[int, tuple[Slope, float]]
    offsets: dict[int, float]
    shared: ModelRecord | None
    own: dict[int, ModelRecord]
    basis: Basis
    n: int = Field(ge=0)
    n_real: int = Field(ge=0)
    auc: float | None
    auc_std: float | None

    @classmethod
    def of(cls, scorer: Scorer) -> "ScorerRecord":
        """Return the record of a scorer."""
        calibration, boosting, quality = scorer.calibration, scorer.boosting, scorer.quality
        return cls(
            feature_names=scorer.feature_names,
            fill=scorer.fill.tolist(),
            shared_curve=_curve(calibration.shared),
            own_curves={id_: _curve(one) for id_, one in calibration.own.items()},
            offsets=dict(calibration.offsets),
            shared=None if boosting is None else _record_of(boosting.shared),
            own={} if boosting is None else {id_: _record_of(one) for id_, one in boosting.own.items()},
            basis=scorer.basis,
            n=quality.n,
            n_real=quality.n_real,
            auc=_known(quality.auc),
            auc_std=_known(quality.auc_std),
        )

    def scorer(self) -> Scorer:
        """Return the scorer."""
        own = {id_: record.model() for id_, record in self.own.items()}
        return Scorer(
            self.feature_names,
            np.array(self.fill, np.float64),
            ClassCalibration(
                Calibration(*self.shared_curve),
                {id_: Calibration(*curve) for id_, curve in self.own_curves.items()},
                self.offsets,
            ),
            None if self.shared is None else ClassBoosting(self.shared.model(), own),
            self.basis,
            Quality(self.n, self.n_real, _number(self.auc), _number(self.auc_std)),
        )


class OutlineRecord(_Strict):
    """See `OutlineQuality`."""

    trees: TreesRecord | None
    n: int = Field(ge=0)
    r2: float | None
    error: float | None


class MetaRecord(_Strict):
    """A meta classifier as JSON."""

    class_ids: tuple[int, ...]
    model_sha256: str
    alpha: float = Field(ge=0, le=1)
    kind: Literal["paper", "image", "linear"]
    oversample: bool
    folds: int = Field(ge=2)
    seed: int
    scorers: dict[Kind, ScorerRecord] = Field(min_length=1)
    outlines: OutlineRecord

    @classmethod
    def of(cls, meta: MetaClassifier) -> "MetaRecord":
        """Return the record of a meta classifier."""
        outlines = meta.outlines
        return cls(
            **asdict(meta.origin),
            **asdict(meta.settings),
            scorers={kind: ScorerRecord.of(scorer) for kind, scorer in meta.scorers.items()},
            outlines=OutlineRecord(
                trees=None if outlines.trees is None else TreesRecord.of(outlines.trees),
                n=outlines.n,
                r2=_known(outlines.r2),
                error=_known(outlines.error),
            ),
        )

    def meta(self) -> MetaClassifier:
        """Return the meta classifier."""
        outlines = self.outlines
        return MetaClassifier(
            {kind: record.scorer() for kind, record in self.scorers.items()},
            Origin(self.class_ids, self.model_sha256, self.alpha),
            MetaSettings(self.kind, self.oversample, self.folds, self.seed),
            OutlineQuality(
                None if outlines.trees is None else outlines.trees.model(),
                outlines.n,
                _number(outlines.r2),
                _number(outlines.error),
            ),
        )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _curve(calibration: Calibration) -> tuple[float, float]:
    return calibration.slope, calibration.intercept


def save_meta(path: Path, meta: MetaClassifier) -> None:
    """Write a meta classifier whole or not at all.

    Raises:
        OutputError: if the disk does not take it.
    """
    content = MetaRecord.of(meta).model_dump_json().encode("utf-8")
    title = {"format": FORMAT, "version": FORMAT_VERSION, "sha256": hashlib.sha256(content).hexdigest()}
    make_folder(path.parent)
    write_whole(path, json.dumps(title).encode("utf-8") + b"\n" + content + b"\n")


def load_meta(path: Path) -> MetaClassifier:
    """Read a meta classifier.

    Raises:
        ModelError: in one sentence, if the file is missing, truncated, not one, damaged, or made by a newer
            version.
    """
    if path.is_dir():
        raise ModelError(f"The meta classifier {path} is a folder; name the file in it.")
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except FileNotFoundError:
        raise ModelError(f"There is no meta classifier {path}; check its path.") from None
    except OSError as error:
        raise ModelError(f"The meta classifier {path} cannot be read ({error.strerror or error}).") from error
    if size > MAX_BYTES:
        raise ModelError(f"{path} is no meta classifier: it is larger than any.")
    if data.startswith(_ZIP):
        from .old_archive import read_archive

        return _checked(read_archive(data, path), path)
    try:
        return _checked(MetaRecord.model_validate_json(_content(data, path)).meta(), path)
    except (ValidationError, OverflowError) as error:
        raise ModelError(f"The meta classifier {path} cannot be used; fit a new one.") from error


def _content(data: bytes, path: Path) -> bytes:
    """Return the second line, once the first one vouches for it."""
    first, _, rest = data.partition(b"\n")
    content = rest.rstrip(b"\n")
    try:
        title = json.loads(first)
        known, version, checksum = title["format"] == FORMAT, title["version"], title["sha256"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _damaged(path) from error
    if not known:
        raise _damaged(path)
    if version != FORMAT_VERSION:
        raise ModelError(
            f"The meta classifier {path} was made by a newer version; bring this program up to date or fit a "
            "new one."
        )
    if hashlib.sha256(content).hexdigest() != checksum:
        raise _damaged(path)
    return content


def _damaged(path: Path) -> ModelError:
    return ModelError(f"{path} is no meta classifier or is truncated; copy it again or fit a new one.")


def _checked(meta: MetaClassifier, path: Path) -> MetaClassifier:
    """Refuse a meta classifier that contradicts itself."""
    sound = all(_is_sound(scorer) for scorer in meta.scorers.values())
    trees = meta.outlines.trees
    if trees is not None:
        n_features = len(meta.scorers[DOUBTFUL].feature_names) if DOUBTFUL in meta.scorers else 0
        sound &= trees.n_features == n_features and trees.is_sound()
    if not sound:
        raise ModelError(f"The meta classifier {path} contradicts itself: it is damaged; fit it anew.")
    return meta


def _is_sound(scorer: Scorer) -> bool:
    boosting, n_features = scorer.boosting, len(scorer.feature_names)
    own = {} if boosting is None else boosting.own
    parts = [] if boosting is None else [boosting.shared, *own.values()]
    return (
        len(scorer.fill) == n_features
        and set(own) == set(scorer.calibration.own)
        and all(model.n_features == n_features and model.is_sound() for model in parts)
    )
