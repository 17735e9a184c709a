"""The candidates GeoPackage: what it says of each candidate and of the run, written whole or not at all,
and read again. Its review tables are defined in `resources/schema/review.sql`, which the plugin reads too.
"""

import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from ..base.errors import InputError
from ..base.files import GEOPACKAGE, claim
from ..base.package import RESOURCES, package_version
from ..geodata.geopackage import CONTENTS, whole_geopackage, write_layer, write_values
from ..geodata.grid import name_of
from ..geodata.styles import add_styles, style_by_class, style_by_state
from ..model.classes import LandCoverClass
from .candidates import Candidates
from .features import FeatureTable
from .kinds import DOUBTFUL, MISSED
from .pixels import RunPixels

if TYPE_CHECKING:
    from .classifier import MetaClassifier

#: Namespace of the uuids of candidates.
_NAMESPACE = uuid.UUID("8d2c7d0e-6b8f-5f0a-9a55-5f2a1c3f7b61")


def make_columns(
    found: Candidates,
    pixels: RunPixels,
    ranks: NDArray[np.int64],
    meta: "MetaClassifier | None" = None,
) -> dict[str, NDArray[Any]]:
    """Return the attributes of the layer, see `geopackage.COLUMNS`."""
    table, record = found.table, pixels.record
    rows, cols = np.divmod(table.first, pixels.shape[1])
    rows, cols = rows + pixels.extent.row0, cols + pixels.extent.col0
    names = {c.id: c.name for c in record.classes}
    unknown = np.full(len(found), np.nan)
    return {
        "uuid": np.array(make_uuids(pixels, found, rows, cols), object),
        "class_id": found.class_ids,
        "class_name": _named(found.class_ids, names),
        "area_m2": table.n_pixels * pixels.grid.gsd**2,
        "score": unknown if meta is None else meta.changes(found.features),
        "rank": ranks,
        "bayes_class_id": found.bayes_ids,
        "bayes_class_name": _named(found.bayes_ids, names),
        "entropy": table.metrics["E"],
        "margin": table.metrics["M"],
        "variation": table.metrics["V"],
        "n_experts": found.agreeing.sum(axis=1),
        "experts": np.array([_joined(record.experts, row) for row in found.agreeing], object),
        "support": found.support,
        "x": found.x,
        "y": found.y,
        "row_first": rows,
        "col_first": cols,
        "run": np.array([pixels.run.absolute().name] * len(found), object),
        "kind": found.kinds.astype(object),
        "instead_class_id": found.instead_ids,
        "instead_class_name": _named(found.instead_ids, names),
        "expected_iou": unknown if meta is None else meta.expected_iou(found.features),
    }


def _named(ids: NDArray[np.integer], names: Mapping[int, str]) -> NDArray[Any]:
    return np.array([names[id_] for id_ in ids.tolist()], object)


def _joined(experts: Sequence[str], agreeing: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, agrees in zip(experts, agreeing, strict=True) if agrees)


def make_uuids(
    pixels: RunPixels, found: Candidates, rows: NDArray[np.integer], cols: NDArray[np.integer]
) -> list[str]:
    """Return the uuid of each candidate, from model, rule, kind, class and first pixel on the world grid:
    flagging again gives the same, and so does flagging a part.
    """
    code = pixels.grid.crs.to_epsg()
    place = (f"EPSG:{code}" if code else pixels.grid.crs.to_wkt(), repr(pixels.grid.gsd))
    rule = (pixels.record.model.sha256, repr(float(pixels.alpha)), pixels.priors_sha256)
    base = uuid.uuid5(_NAMESPACE, "|".join((*rule, *place)))
    # Missed places are named as they were when there was no other kind.
    ends = np.where(found.kinds == MISSED, "", f"|{DOUBTFUL}").tolist()
    keys = zip(found.class_ids.tolist(), rows.tolist(), cols.tolist(), ends, strict=True)
    return [str(uuid.uuid5(base, f"{class_id}|{row}|{col}{end}")) for class_id, row, col, end in keys]


def describe_run(
    pixels: RunPixels, classes: Sequence[LandCoverClass], asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the table `run` says: of the run, of the flagged classes, and what else was asked for."""
    record, grid = pixels.record, pixels.grid
    return {
        "run": pixels.run.absolute().name,
        "run_folder": str(pixels.run.absolute()),
        "model": record.model.name,
        "model_sha256": record.model.sha256,
        "alpha": pixels.alpha,
        "priors_sha256": pixels.priors_sha256,
        "aggregation": record.parameters.aggregation,
        "classes": [_class(c) for c in classes],
        "map_classes": [_class(c) for c in record.classes],
        "experts": list(record.experts),
        "grid": {
            "crs": name_of(grid.crs),
            "crs_wkt": grid.crs.to_wkt(),
            "gsd": grid.gsd,
            "shape": list(pixels.shape),
            "bounds": list(grid.bounds(pixels.extent)),
        },
        "feature_names": list(pixels.feature_names),
        "version": package_version(),
        **asked,
    }


def _class(c: LandCoverClass) -> dict[str, Any]:
    return {"id": c.id, "name": c.name, "color": c.color, "group": c.group}


#: Version of the tables. Version 1 had missed places only: no kind, no class to put instead.
SCHEMA_VERSION = 2
READABLE_VERSIONS = (1, 2)
_REVIEW_SQL = RESOURCES / "schema" / "review.sql"
#: Columns of the layer `candidates` beside `fid` and `geometry`, in order.
COLUMNS = {
    "uuid": object,
    "class_id": np.int32,
    "class_name": object,
    "area_m2": np.float64,
    "score": np.float64,  # of the meta classifier, null without one
    "rank": np.int32,  # 1 is to be looked at first
    "bayes_class_id": np.int32,  # what the map says there, mostly
    "bayes_class_name": object,
    "entropy": np.float64,  # means over the candidate
    "margin": np.float64,
    "variation": np.float64,
    "n_experts": np.int32,  # that say the flagged class in most of it
    "experts": object,  # their names
    "support": np.float64,
    "x": np.float64,  # centre
    "y": np.float64,
    "row_first": np.int64,  # first pixel on the world grid, see core/geodata/grid.py
    "col_first": np.int64,
    "run": object,
    "kind": object,  # MISSED or DOUBTFUL, see `kinds.py`
    "instead_class_id": np.int32,  # what the map says, mostly, once the candidate has changed it
    "instead_class_name": object,
    "expected_iou": np.float64,  # of a doubtful place with the true one, null without a meta classifier
}
#: Columns of the table `decisions` but for its running number.
_LOG = "uuid, candidate, decision, class_id, undoes, user, time, seconds, comment, outline, model_sha256, run"


@dataclass(frozen=True, eq=False)
class CandidateFile:
    """What goes into a file: `columns` by name as in COLUMNS, `outlines` `[n]` polygons in the CRS, features
    in the same order, the classes that were flagged, and what is said of the run (values that JSON takes).
    """

    columns: Mapping[str, NDArray[Any]]
    outlines: Sequence[shapely.MultiPolygon]
    features: FeatureTable
    crs: CRS
    classes: Sequence[LandCoverClass]
    run: Mapping[str, Any]


def write_candidates(path: Path, content: CandidateFile, *, overwrite: bool = False) -> int:
    """Write a candidates GeoPackage under a temporary name, and rename it when it is whole.

    Decisions in the candidates GeoPackage that it replaces are kept: candidates that are still there have the
    same uuid. Other files are not replaced.

    Returns:
        The number of decisions kept.

    Raises:
        InputError: if there is a file that is not to be replaced, is of another kind, or is in use.
        OutputError: if the folder or the disk does not take it.
    """
    claim(path, GEOPACKAGE, overwrite=overwrite, check_old=check_replaceable)
    with ExitStack() as held:
        # Windows replaces no file that anybody has open
        release = held.close if os.name == "nt" else None
        with whole_geopackage(path, "candidates", before_rename=release) as part:
            _write_layer(part, content)
            with closing(sqlite3.connect(part)) as database, database:
                database.executescript(_REVIEW_SQL.read_text(encoding="utf-8"))
                _write_features(database, content)
                said = {"schema_version": SCHEMA_VERSION, **content.run}
                write_values(database, "run", said, "What the candidates were made from, values as JSON")
                _write_styles(database, content.classes)
                kept = _copy_decisions(path, database, held) if path.exists() else 0
            _check_whole(part, len(content.outlines))
    return kept


@contextmanager
def open_candidates(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a candidates GeoPackage as a database, without a transaction.

    Raises:
        InputError: if it is none, is damaged or of another version; also for what SQLite says inside the
            `with`.
    """
    strange = InputError(
        f"{path} is no GeoPackage of candidates, or is damaged; give one that flag_candidates has made."
    )
    if not path.is_file():
        raise InputError(f"The candidates {path} do not exist.")
    uri = f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}"
    with closing(sqlite3.connect(uri, uri=True, timeout=2, isolation_level=None)) as database:
        try:
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
            if not tables >= {"candidates", "features", "run", "decisions", "review"}:
                raise strange
            said = database.execute("SELECT value FROM run WHERE key = 'schema_version'").fetchone()
            if said is None or said[0] not in map(str, READABLE_VERSIONS):
                raise InputError(
                    f"{path} was made by another version (its tables are of version {said and said[0]}, not "
                    f"{SCHEMA_VERSION}); flag the run anew with this one."
                )
            yield database
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise _in_use(path) from error
            raise InputError(f"{path} cannot be read ({error}); check its rights and its disk.") from error
        except sqlite3.DatabaseError as error:
            raise strange from error


def check_replaceable(path: Path) -> None:
    """Raise InputError unless a file may be replaced by candidates: it holds some itself."""
    with open_candidates(path):
        pass


def _write_layer(part: Path, content: CandidateFile) -> None:
    write_layer(
        part,
        "candidates",
        content.outlines,
        {name: np.asarray(content.columns[name]).astype(kind) for name, kind in COLUMNS.items()},
        content.crs,
        geometry_type="MultiPolygon",
        description="Places of rare classes that the map may have missed, or that may be false in it",
    )


def _check_whole(part: Path, n: int) -> None:
    """Raise unless all rows are there and readable: GDAL may close a file on a full disk without a word."""
    with closing(sqlite3.connect(part)) as database:
        found = [
            database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("review", "features")
        ]
        if found != [n, n] or database.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("it was not written whole")


def _write_features(database: sqlite3.Connection, content: CandidateFile) -> None:
    """Write the table `features`: a uuid and one REAL per feature, null where it is unknown."""
    names = content.features.names
    columns = ", ".join(f'"{name}" REAL' for name in names)
    database.execute(f"CREATE TABLE features (fid INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, {columns})")
    marks = ", ".join("?" * (len(names) + 1))
    quoted = ", ".join(f'"{name}"' for name in ("uuid", *names))
    rows = zip(content.columns["uuid"], content.features.values, strict=True)
    database.executemany(
        f"INSERT INTO features ({quoted}) VALUES ({marks})",
        ((uuid, *(None if value != value else value for value in row.tolist())) for uuid, row in rows),  # noqa: PLR0124
    )
    database.execute(CONTENTS, ("features", "features", "What the meta classifier knows of each candidate"))


def _write_styles(database: sqlite3.Connection, classes: Sequence[LandCoverClass]) -> None:
    add_styles(
        database,
        (
            ("candidates", "class and score", style_by_class(classes)),
            ("review", "state of the review", style_by_state()),
        ),
    )


def _copy_decisions(path: Path, target: sqlite3.Connection, held: ExitStack) -> int:
    """Copy the log of the file that will be replaced, and let nobody else write to it until `held` ends:
    what he decided would be lost, and his write-ahead log would spoil the new file.
    """
    source = held.enter_context(open_candidates(path, write=os.access(path, os.W_OK)))
    try:
        if source.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
            raise _in_use(path)
        if os.access(path, os.W_OK):
            source.execute("BEGIN IMMEDIATE")
        rows = source.execute(f"SELECT {_LOG} FROM decisions ORDER BY id").fetchall()
    except sqlite3.OperationalError as error:
        raise _in_use(path) from error
    marks = ", ".join("?" * len(_LOG.split(",")))
    target.executemany(f"INSERT INTO decisions ({_LOG}) VALUES ({marks})", rows)
    return len(rows)


def _in_use(path: Path) -> InputError:
    return InputError(f"{path} is in use by another program; close it there and try again.")
