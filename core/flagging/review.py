"""Reads a candidates GeoPackage: what was flagged, what is known of each candidate, and what reviewers have
decided. The file is written by `geopackage.py`; decisions are added by the plugin.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from ..base.errors import InputError
from .features import IS_DOUBTFUL, FeatureTable
from .geopackage import COLUMNS, open_candidates
from .kinds import DOUBTFUL, MISSED

#: `state` of a candidate without a decision that counts.
UNDECIDED = "undecided"
#: What stands in for the columns that files of version 1 have not: they hold missed places only.
_BEFORE_KINDS = {
    "kind": f"'{MISSED}'",
    "instead_class_id": "review.class_id",
    "instead_class_name": "review.class_name",
    "expected_iou": "NULL",
}
_DRAWN = "EXISTS (SELECT 1 FROM decisions AS d WHERE d.uuid = review.decision_uuid AND d.outline IS NOT NULL)"
_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}


@dataclass(frozen=True, eq=False)
class Review:
    """n candidates in order of rank.

    Attributes:
        columns: by name, each `[n]`: those of the layer `candidates`; numbers, text or None.
        states: `[n]` accept, reject, reclassify, unsure or undecided.
        final_class_ids: `[n]` the class that the reviewer put there, -1 where he put none.
        features: `[n, F]`, NaN where unknown.
        run: what the file says of its run.
        crs: of outlines and centres.
        drawn: `[n]` has the decision that counts an outline that the reviewer drew?
        log: `user`, `time` and `comment` of the decision that counts, each `[n]`, None where there is none.
    """

    path: Path
    columns: dict[str, NDArray[Any]]
    states: NDArray[np.str_]
    final_class_ids: NDArray[np.int64]
    features: FeatureTable
    run: dict[str, Any]
    crs: CRS
    drawn: NDArray[np.bool_]
    log: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.states)

    @property
    def decided(self) -> NDArray[np.bool_]:
        """`[n]` is there a decision that counts?"""
        return self.states != UNDECIDED

    @property
    def scores(self) -> NDArray[np.float64]:
        """`[n]` of the meta classifier, that the map changes; NaN without one."""
        return self.columns["score"]

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """`[n]` is it a place that the map itself says?"""
        return np.asarray(self.columns["kind"] == DOUBTFUL)


def read_review(path: Path) -> Review:
    """Read candidates, features and the state of the review.

    Raises:
        InputError: if the file is no candidates GeoPackage of this version.
    """
    told = ("user", "time", "comment")
    names = [*COLUMNS, "state", "final_class_id", *told]
    with open_candidates(path) as database:
        there = {row[1] for row in database.execute("PRAGMA table_info(candidates)")}
        quoted = ", ".join(
            f'review."{name}"' if name in there or name not in COLUMNS else f"{_BEFORE_KINDS[name]} AS {name}"
            for name in names
        )
        run = {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM run")}
        rows = database.execute(f"SELECT {quoted}, {_DRAWN} FROM review ORDER BY rank, uuid").fetchall()
        columns = [row[1] for row in database.execute("PRAGMA table_info(features)")][2:]
        listed = ", ".join(f'"{name}"' for name in columns)
        known = {
            uuid: values
            for uuid, *values in database.execute(f"SELECT uuid, {listed} FROM features").fetchall()
        }
    names.append("drawn")
    layer = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    missing = [uuid for uuid in layer["uuid"] if uuid not in known]
    if missing:
        raise InputError(f"{path} has candidates without features ({missing[0]}); flag the run anew.")
    values = [known[uuid] for uuid in layer["uuid"]]
    features = np.array(values, np.float64).reshape(len(rows), len(columns))
    if IS_DOUBTFUL not in columns:
        doubtful = np.array([kind == DOUBTFUL for kind in layer["kind"]], np.float64)
        columns, features = [*columns, IS_DOUBTFUL], np.column_stack([features, doubtful])
    final = [-1 if id_ is None else id_ for id_ in layer["final_class_id"]]
    typed = {name: np.array(layer[name], kind) for name, kind in COLUMNS.items()}
    return Review(
        path,
        typed,
        np.array(layer["state"], np.str_),
        np.array(final, np.int64),
        FeatureTable(tuple(columns), features),
        run,
        CRS.from_user_input(run["grid"]["crs_wkt"]),
        np.array(layer["drawn"], np.bool_),
        {name: np.array(layer[name], object) for name in told},
    )


def read_outlines(
    path: Path, uuids: Sequence[str] | None = None, *, original: bool = False
) -> dict[str, shapely.Geometry]:
    """Return the outlines of these candidates (of all, without `uuids`) in the CRS by uuid: the reviewer's,
    where he drew one, unless it is the `original` that is wanted.

    Raises:
        InputError: if the file is no candidates GeoPackage of this version, or an outline is broken.
    """
    outline = "review.geometry" if original else "coalesce(decisions.outline, review.geometry)"
    query = (
        f"SELECT review.uuid, {outline} FROM review "
        "LEFT JOIN decisions ON decisions.uuid = review.decision_uuid"
    )
    with open_candidates(path) as database:
        if uuids is None:
            rows = database.execute(f"{query} ORDER BY rank, review.uuid").fetchall()
        else:
            wanted = json.dumps(list(uuids))
            rows = database.execute(
                f"{query} WHERE review.uuid IN (SELECT value FROM json_each(?)) ORDER BY rank, review.uuid",
                (wanted,),
            ).fetchall()
    try:
        return {uuid: shapely.from_wkb(_wkb_of(blob)) for uuid, blob in rows}
    except (shapely.errors.ShapelyError, ValueError, TypeError) as error:
        raise InputError(f"{path} has a broken outline ({error}); flag the run anew.") from error


def _wkb_of(blob: bytes) -> bytes:
    """Return the WKB in a GeoPackage geometry: it follows a header and an envelope (version 1.2, 2.1.3)."""
    kind = (blob[3] >> 1) & 7 if blob[:2] == b"GP" else -1
    if kind not in _ENVELOPE_BYTES:
        raise ValueError("not a GeoPackage geometry")
    return blob[8 + _ENVELOPE_BYTES[kind] :]
