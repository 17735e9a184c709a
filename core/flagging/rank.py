"""The job `rank_candidates`: the candidates of a file get the scores and ranks that a meta classifier gives
them; what was decided stays.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..base.errors import OutputError
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult
from .archive import load_meta
from .geopackage import open_candidates
from .requests import RankRequest
from .review import Review, read_review
from .rule import likely_real

#: Functions in the triggers of a GeoPackage's spatial index. SQLite wants to know them before it changes a
#: row, but none is called while no outline changes.
_OF_THE_INDEX = ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")


@dataclass(frozen=True)
class RankResult(JobResult):
    """The file, how many candidates it holds, and what was done in words."""

    candidates: Path
    n: int
    message: str


def rank_candidates(request: RankRequest, reporter: Reporter = SILENT) -> RankResult:
    """Write scores, ranks and expected IoU into a file of candidates, all or none.

    Raises:
        InputError: if the file is none, or the meta classifier is for something else.
        OutputError: if the file cannot be written.
    """
    meta, review = load_meta(request.meta), read_review(request.candidates)
    flagged = [int(c["id"]) for c in review.run["classes"]]
    meta.require_fit_for(
        flagged, review.features.names, str(review.run["model_sha256"]), float(review.run["alpha"])
    )
    scores, iou = meta.changes(review.features), meta.expected_iou(review.features)
    ranks = _ranks(review, scores)
    kinds = list(dict.fromkeys(review.columns["kind"].tolist()))
    said = {
        "ranked_by": "classifier",
        "meta": str(request.meta),
        "scored_by": {kind: meta.basis(kind) for kind in kinds},
    }
    with open_candidates(request.candidates, write=True) as database, _transaction(database, review.path):
        columns = {row[1] for row in database.execute("PRAGMA table_info(candidates)")}
        names = [name for name in ("score", "rank", "expected_iou") if name in columns]
        values = {"score": scores.tolist(), "rank": ranks.tolist(), "expected_iou": iou.tolist()}
        rows = zip(*(values[name] for name in names), review.columns["uuid"].tolist(), strict=True)
        database.executemany(
            f"UPDATE candidates SET {', '.join(f'{name} = ?' for name in names)} WHERE uuid = ?",
            ([None if value != value else value for value in row] for row in rows),  # noqa: PLR0124 - NaN
        )
        for key, value in said.items():  # an earlier version has not said all of it
            database.execute("DELETE FROM run WHERE key = ?", (key,))
            database.execute("INSERT INTO run (key, value) VALUES (?, ?)", (key, json.dumps(value)))
    message = f"{len(review)} candidates have new scores and ranks by {request.meta.name}; decisions stay."
    reporter.log(message)
    return RankResult(request.candidates, len(review), message)


def _ranks(review: Review, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places `[n]` by falling score, then as `flag_candidates` would order equal ones."""
    unlikely = np.where(review.doubtful, likely_real(review.features), review.columns["margin"])
    ranks = np.empty(len(review), np.int64)
    ranks[np.lexsort([review.columns["rank"], unlikely, -scores])] = np.arange(1, len(review) + 1)
    return ranks


@contextmanager
def _transaction(database: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Commit what is changed, or nothing of it."""
    for name in _OF_THE_INDEX:
        database.create_function(name, 1, lambda _: 0, deterministic=True)
    try:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise
        raise OutputError(f"{path} cannot be written ({error}); check its rights and its disk.") from error
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")
