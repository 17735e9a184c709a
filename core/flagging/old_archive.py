"""Reads meta classifiers of version 1: skops archives of scikit-learn's objects. Only the numbers in them are
read, arrays of trees and JSON; no object is built and nothing of the archive is run.
"""

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ..base.errors import ModelError
from .boosting import MetaSettings
from .by_class import ClassBoosting, ClassCalibration
from .calibration import Calibration
from .classifier import MetaClassifier, Origin
from .kinds import MISSED
from .scorer import Quality, Scorer
from .trees import Trees

MAX_ENTRIES, MAX_BYTES = 20_000, 64 * 2**20


def read_archive(data: bytes, path: Path) -> MetaClassifier:
    """Return the meta classifier in the bytes of an archive; `path` is for messages.

    Raises:
        ModelError: if it is truncated, too large, or something else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise ModelError(f"{path} is no meta classifier: it unpacks to more than any.")
            content = json.loads(archive.read("schema.json"))["content"]
            header = json.loads(_plain(content["header"]))
            boostings = [
                _trees(node["content"]["content"], archive) for node in content["boostings"]["content"]
            ]
        shared, *others = (Calibration(*curve) for curve in header["curves"])
        own = [int(id_) for id_ in header["own"]]
        auc, auc_std = (
            math.nan if header[name] is None else float(header[name]) for name in ("auc", "auc_std")
        )
        scorer = Scorer(
            tuple(map(str, header["feature_names"])),
            np.array(header["fill"], np.float64),
            ClassCalibration(shared, dict(zip(own, others, strict=True))),
            ClassBoosting(boostings[0], dict(zip(own, boostings[1:], strict=True))),
            quality=Quality(header["n_candidates"], header["n_true"], auc, auc_std),
        )
        return MetaClassifier(
            {MISSED: scorer},
            Origin(tuple(header["class_ids"]), header["model_sha256"], float(header["alpha"])),
            MetaSettings(header["kind"], header["oversample"], header["folds"], header["seed"]),
        )
    except ModelError:
        raise
    except Exception as error:  # a strange archive fails in types of zipfile, zlib, json, NumPy and others
        raise ModelError(
            f"{path} is no meta classifier or is truncated; copy it again or fit a new one."
        ) from error


def _trees(fields: dict[str, Any], archive: zipfile.ZipFile) -> Trees:
    """Return the trees of a GradientBoostingClassifier by its attributes."""
    found = [row["content"][0]["content"]["content"]["tree_"] for row in fields["estimators_"]["content"]]
    trees = [tree["content"]["content"] for tree in found]
    prior = float(_array(fields["init_"]["content"]["content"]["class_prior_"], archive)[1])
    return Trees.from_nodes(
        [_array(tree["nodes"], archive) for tree in trees],
        [_array(tree["values"], archive) for tree in trees],
        start=0.5 * float(logit(prior)),
        rate=float(json.loads(_plain(fields["learning_rate"]))),
        n_features=int(json.loads(_plain(fields["n_features_in_"]))),
    )


def _plain(node: dict[str, Any]) -> str:
    """Return the JSON text of a node; a string is JSON in JSON."""
    text = str(node["content"])
    return str(json.loads(text)) if text.startswith('"') else text


def _array(node: dict[str, Any], archive: zipfile.ZipFile) -> NDArray[Any]:
    array: NDArray[Any] = np.load(io.BytesIO(archive.read(node["file"])), allow_pickle=False)
    return array
