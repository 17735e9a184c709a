"""The file of a meta classifier: a skops archive. No pickle is read, and no type that is not listed here.

A file is judged before it is believed: its size and the names of all types in it first, then what was built,
down to the links of every tree, because scikit-learn's compiled code follows them unchecked.
"""

import io
import json
import math
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..base.errors import ModelError
from ..base.files import disk_errors, write_whole
from .boosting import Calibration, ClassBoosting, ClassCalibration, MetaSettings
from .classifier import MetaClassifier, Origin

MAX_BYTES = 64 * 2**20
MAX_ENTRIES = 20_000
_BOOSTING = "sklearn.ensemble._gb.GradientBoostingClassifier"
#: Every type that a meta classifier's file may hold: plain data, arrays, and the parts of the boosting.
TRUSTED = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.tuple",
        "builtins.str",
        "numpy.ndarray",
        _BOOSTING,
        "sklearn._loss._loss.CyExponentialLoss",
        "sklearn._loss.link.HalfLogitLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.loss.ExponentialLoss",
        "sklearn.dummy.DummyClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._tree.Tree",
    }
)
#: How skops builds them; anything else (functions, methods, operators) is refused with its type.
_LOADERS = frozenset(
    {
        "DictNode",
        "ListNode",
        "TupleNode",
        "JsonNode",
        "TypeNode",
        "NdArrayNode",
        "ObjectNode",
        "LossNode",
        "TreeNode",
    }
)


class _Header(BaseModel):
    """What the file says of itself, as JSON."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format_version: Literal[1] = 1
    feature_names: tuple[str, ...] = Field(min_length=1, max_length=4096)
    fill: tuple[float, ...]
    #: Slope and intercept of the shared calibration, then of each class in `own`.
    curves: tuple[tuple[Annotated[float, Field(ge=0)], float], ...]
    own: tuple[int, ...]
    class_ids: tuple[int, ...]
    model_sha256: str
    alpha: float = Field(ge=0, le=1)
    kind: Literal["paper", "image"]
    oversample: bool
    folds: int = Field(ge=2)
    seed: int
    n_candidates: int = Field(ge=0)
    n_true: int = Field(ge=0)
    auc: float | None
    auc_std: float | None
    sklearn: str


def save_meta(path: Path, meta: MetaClassifier) -> None:
    """Write a meta classifier whole or not at all.

    Raises:
        OutputError: if the disk does not take it.
    """
    import sklearn
    from skops.io import dump

    origin, settings, curves = asdict(meta.origin), asdict(meta.settings), meta.calibration.own
    header = _Header(
        feature_names=meta.feature_names,
        fill=tuple(meta.fill.tolist()),
        curves=tuple((c.slope, c.intercept) for c in (meta.calibration.shared, *curves.values())),
        own=tuple(curves),
        n_candidates=meta.n_candidates,
        n_true=meta.n_true,
        auc=None if math.isnan(meta.auc) else meta.auc,
        auc_std=None if math.isnan(meta.auc_std) else meta.auc_std,
        sklearn=sklearn.__version__,
        **origin,
        **settings,
    )
    buffer = io.BytesIO()
    boostings = [meta.boosting.shared, *(meta.boosting.own[id_] for id_ in curves)]
    content = {"header": header.model_dump_json(), "boostings": boostings}
    dump(content, buffer, compression=zipfile.ZIP_DEFLATED)
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())


def load_meta(path: Path) -> MetaClassifier:
    """Read a meta classifier.

    Raises:
        ModelError: in one sentence, if the file is missing, truncated, not one, made by a newer version, or
            holds a type that has no business there, which is named.
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
    _require_trusted(data, path)
    return _build(_load(data, path), path)


def _require_trusted(data: bytes, path: Path) -> None:
    """Refuse an archive by what its table of contents and schema say, before anything of it is built."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise ModelError(f"{path} is no meta classifier: it unpacks to more than any.")
            schema = json.loads(archive.read("schema.json"))
    except ModelError:
        raise
    except Exception as error:  # a broken archive fails in types of zipfile, zlib, json and others
        raise ModelError(
            f"{path} is no meta classifier or is truncated; copy it again or fit a new one."
        ) from error
    for name, loader in _types(schema):
        if name not in TRUSTED or loader not in _LOADERS:
            raise ModelError(
                f"{path} holds the type {name} ({loader}), which has no place in a meta classifier: it is "
                "refused and nothing of it was run."
            )


def _types(schema: Any) -> Iterator[tuple[str, str]]:
    """Yield name and loader of every type that the schema names, wherever it stands."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if {"__class__", "__module__", "__loader__"} & node.keys():
                yield f"{node.get('__module__')}.{node.get('__class__')}", str(node.get("__loader__"))
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _load(data: bytes, path: Path) -> Any:
    from skops.io import loads

    try:
        return loads(data, trusted=sorted(TRUSTED))
    except Exception as error:  # skops, NumPy and scikit-learn each fail in types of their own
        raise ModelError(
            f"{path} is damaged, or was made by another version of scikit-learn; fit it anew."
        ) from error


def _build(content: Any, path: Path) -> MetaClassifier:
    """Check what was loaded and return it as a meta classifier."""
    if not (isinstance(content, dict) and set(content) == {"header", "boostings"}):
        raise ModelError(f"{path} is no meta classifier of this program; fit one.")
    try:
        header = _Header.model_validate_json(content["header"])
    except (ValidationError, TypeError) as error:
        raise ModelError(
            f"The header of the meta classifier {path} cannot be used: it is damaged or of a newer version."
        ) from error
    boostings, n_features = content["boostings"], len(header.feature_names)
    fits = (
        isinstance(boostings, list)
        and len(boostings) == len(header.curves) == 1 + len(set(header.own)) == 1 + len(header.own)
        and len(header.fill) == n_features
    )
    if not fits or not all(_is_sound(boosting, n_features) for boosting in boostings):
        raise ModelError(f"The meta classifier {path} contradicts itself: it is damaged; fit it anew.")
    shared, *others = (Calibration(*curve) for curve in header.curves)
    return MetaClassifier(
        boosting=ClassBoosting(boostings[0], dict(zip(header.own, boostings[1:], strict=True))),
        feature_names=header.feature_names,
        fill=np.asarray(header.fill, np.float64),
        calibration=ClassCalibration(shared, dict(zip(header.own, others, strict=True))),
        origin=Origin(header.class_ids, header.model_sha256, header.alpha),
        settings=MetaSettings(header.kind, header.oversample, header.folds, header.seed),
        n_candidates=header.n_candidates,
        n_true=header.n_true,
        auc=float("nan") if header.auc is None else header.auc,
        auc_std=float("nan") if header.auc_std is None else header.auc_std,
    )


def _is_sound(boosting: Any, n_features: int) -> bool:
    """Tell whether the boosting can be run: right types, shapes, and trees whose links stay inside."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.tree import DecisionTreeRegressor

    try:
        trees = boosting.estimators_.ravel()
        return (
            type(boosting) is GradientBoostingClassifier
            and boosting.n_features_in_ == n_features
            and np.asarray(boosting.classes_).tolist() == [False, True]
            and boosting.estimators_.shape[1:] == (1,)
            and 0 < len(trees) <= MAX_ENTRIES
            and all(type(t) is DecisionTreeRegressor and _is_tree(t.tree_, n_features) for t in trees)
            and bool(np.isfinite(boosting.decision_function(np.zeros((1, n_features)))).all())
        )
    except Exception:  # whatever an object of strange parts does when it is looked at
        return False


def _is_tree(tree: Any, n_features: int) -> bool:
    """Tell whether every link of a tree leads to a later node and every split reads a feature."""
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    here = np.arange(tree.node_count)
    leaf = left == -1
    inner = ~leaf
    return bool(
        tree.node_count > 0
        and tree.n_features == n_features
        and tree.n_outputs == 1
        and len(left) == len(right) == len(feature) == tree.node_count
        and (right[leaf] == -1).all()
        and (left[inner] > here[inner]).all()
        and (right[inner] > here[inner]).all()
        and (left[inner] < tree.node_count).all()
        and (right[inner] < tree.node_count).all()
        and (feature[inner] >= 0).all()
        and (feature[inner] < n_features).all()
        and tree.value.shape == (tree.node_count, 1, 1)
    )
