"""Opens a candidates GeoPackage so that a commit is on the disk, says in one sentence what is wrong with a
file, and reads what the file says of itself: its run, classes, CRS, candidates and their outlines
(GeoPackage 1.2, clause 2.1.3). The log of decisions is read in `store.py`.

Python's sqlite3 is the safest there is on every side: a rollback journal (a write-ahead log needs shared
memory, which network drives do not have), `synchronous = EXTRA` (the journal's end is on the disk, too), and
no lock between two commits, so that QGIS can have the layer open.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsCoordinateReferenceSystem, QgsGeometry

from ..i18n import tr
from .records import Candidate, Kind, ReviewClass, ReviewError

#: Versions of the tables, the last is today's; others are refused, as the backend does. Version 1 had missed
#: places only.
SCHEMA_VERSIONS = ("1", "2")
_TABLES = {"candidates", "features", "run", "decisions", "review"}
#: Seconds to wait for another program to finish its transaction.
_BUSY_S = 2.0


def connect(path: Path, *, read_only: bool = False) -> tuple[sqlite3.Connection, bool]:
    """Open a candidates GeoPackage; return its connection, in autocommit, and whether it is read-only.

    Raises ReviewError with the reason where it cannot be used.
    """
    if not path.is_file():
        raise ReviewError(tr("{} is not there: choose a GeoPackage of candidates.").format(path))
    if not read_only:
        database = _opened(path, "rw")
        try:
            with readable_errors(path):
                if _can_write(database):
                    _check(database, path)
                    return database, False
            database.close()
        except BaseException:
            database.close()
            raise
    database = _opened_to_look(path)
    try:
        with readable_errors(path):
            _check(database, path)
    except BaseException:
        database.close()
        raise
    return database, True


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one sentence for people."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise ReviewError(
                tr("{} is in use by another program: close it there, or try again in a moment.").format(path)
            ) from error
        if "readonly" in str(error):
            raise ReviewError(
                tr("{} cannot be written: check its rights, or work on a copy.").format(path)
            ) from error
        raise ReviewError(
            tr("{} cannot be used ({}): check its disk, its rights and its folder's.").format(path, error)
        ) from error
    except sqlite3.DatabaseError as error:
        raise strange(path) from error


@contextmanager
def nobody_writes(path: Path) -> Iterator[None]:
    """Keep others from writing to a file that will be replaced: what they decide would be gone with it.

    On Windows nothing is needed: no file is replaced there that anybody has open. Raises ReviewError where
    somebody writes right now.
    """
    if os.name == "nt":
        yield
        return
    with closing(_opened(path, "rw")) as database:
        with readable_errors(path):
            database.execute("BEGIN IMMEDIATE")
        yield


def strange(path: Path) -> ReviewError:
    """Return what is said of a file that is something else."""
    return ReviewError(
        tr(
            "{} is no GeoPackage of candidates, or is damaged: choose one from "
            '"Flag missed and doubtful rare places".'
        ).format(path)
    )


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells the file from another one put in its place, None where it is gone."""
    with suppress(FileNotFoundError):
        stat = path.stat()
        return stat.st_dev, stat.st_ino
    return None


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with readable_errors(path):
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)


def _opened_to_look(path: Path) -> sqlite3.Connection:
    """Open without writing anything, not even beside the file.

    A file that QGIS left with an empty write-ahead log cannot be read so in a folder that cannot be written,
    unless SQLite takes it as never changing.
    """
    database = _opened(path, "ro")
    try:
        database.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        if os.path.exists(f"{path}-wal") or os.path.exists(f"{path}-journal"):  # noqa: PTH110
            return database
        database.close()
        return _opened(path, "ro&immutable=1")
    except sqlite3.DatabaseError:
        return database
    return database


def _can_write(database: sqlite3.Connection) -> bool:
    """Try a transaction that changes nothing: only so is the folder, where the journal goes, tried too."""
    try:
        # Fails quietly while QGIS has the layer open with a write-ahead log; that is as durable here.
        with suppress(sqlite3.OperationalError):
            database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA synchronous = EXTRA")
        database.execute("BEGIN IMMEDIATE")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute(f"PRAGMA user_version = {version}")
        database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        if "locked" in str(error) or "busy" in str(error):
            raise
        return False
    return True


def _check(database: sqlite3.Connection, path: Path) -> None:
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    if not tables >= _TABLES:
        raise strange(path)
    said = database.execute("SELECT value FROM run WHERE key = 'schema_version'").fetchone()
    if said is None or said[0] not in SCHEMA_VERSIONS:
        raise ReviewError(
            tr(
                "{} was made by another version (its tables are of version {}, not {}): flag the run anew."
            ).format(path, said and said[0], SCHEMA_VERSIONS[-1])
        )


_KINDS = frozenset(kind.value for kind in Kind)
#: What columns that version 1 did not have would say of its candidates.
_SINCE_VERSION_2 = {
    "kind": f"'{Kind.MISSED}'",
    "instead_class_id": "class_id",
    "instead_class_name": "class_name",
    "expected_iou": "NULL",
}


def read_version(path: Path) -> int:
    """Return the version of a file's tables; raise ReviewError where it cannot be used."""
    database, _ = connect(path, read_only=True)
    with closing(database), readable_errors(path):
        (said,) = database.execute("SELECT value FROM run WHERE key = 'schema_version'").fetchone()
    return int(said)


def read_run(database: sqlite3.Connection) -> dict[str, Any]:
    """Return what the file says of its run; raise sqlite3.DataError where that is no JSON."""
    try:
        return {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM run")}
    except (TypeError, ValueError) as error:
        raise sqlite3.DataError("the table `run` holds something else than JSON") from error


def read_candidates(database: sqlite3.Connection) -> tuple[list[Candidate], int]:
    """Return the candidates in order of rank, and the number of outlines that somebody drew beside them."""
    known = {row[1] for row in database.execute("PRAGMA table_info(candidates)")}
    missing = {name: value for name, value in _SINCE_VERSION_2.items() if name not in known}
    columns = ", ".join(missing.get(name, f'"{name}"') for name in Candidate._fields)
    rows = database.execute(f"SELECT {columns} FROM candidates ORDER BY rank, uuid").fetchall()
    everyone = map(Candidate._make, rows)
    flagged = [
        c
        for c in everyone
        if None not in (c.uuid, c.class_id, c.class_name, c.area_m2, c.rank, c.x, c.y) and c.kind in _KINDS
    ]
    return flagged, len(rows) - len(flagged)


def read_classes(run: Mapping[str, Any], key: str, path: Path) -> tuple[ReviewClass, ...]:
    """Return the classes that the run lists under a key; raise ReviewError where there are none."""
    try:
        classes = [
            ReviewClass(int(c["id"]), str(c["name"]), str(c["color"]), str(c["group"])) for c in run[key]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise strange(path) from error
    if not classes:
        raise strange(path)
    return tuple(classes)


def read_crs(run: Mapping[str, Any], path: Path) -> QgsCoordinateReferenceSystem:
    """Return the CRS of the run's grid; raise ReviewError where there is none."""
    grid = run.get("grid")
    said = grid if isinstance(grid, dict) else {}
    crs = QgsCoordinateReferenceSystem(str(said.get("crs", "")))
    if not crs.isValid():
        crs = QgsCoordinateReferenceSystem.fromWkt(str(said.get("crs_wkt", "")))
    if not crs.isValid():
        raise ReviewError(tr("{} does not say which CRS it is in: flag the run anew.").format(path))
    return crs


def read_srs_id(database: sqlite3.Connection) -> int:
    """Return the number that the file gives the CRS of its outlines, -1 where it says none."""
    row = database.execute(
        "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = 'candidates'"
    ).fetchone()
    return int(row[0]) if row else -1


_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_LITTLE_ENDIAN, _XY_ENVELOPE = 1, 1 << 1


def outline_from(blob: bytes) -> QgsGeometry:
    """Return the geometry of a GeoPackage blob; raise ReviewError where it is none."""
    kind = (blob[3] >> 1) & 7 if len(blob) > 8 and blob[:2] == b"GP" else -1
    geometry = QgsGeometry()
    if kind in _ENVELOPE_BYTES:
        geometry.fromWkb(blob[8 + _ENVELOPE_BYTES[kind] :])
    if geometry.isNull():
        raise ReviewError(tr("The outline of this candidate is broken: flag the run anew."))
    return geometry


def outline_to(geometry: QgsGeometry, srs_id: int) -> bytes:
    """Return a polygon as the GeoPackage blob of a multipolygon.

    Raises ReviewError where it is no valid polygon.
    """
    if geometry.isEmpty() or geometry.type() != Qgis.GeometryType.Polygon:
        raise ReviewError(tr("The new outline is no polygon: draw it anew."))
    polygons = QgsGeometry(geometry)
    polygons.convertToMultiType()
    polygons.get().dropZValue()
    polygons.get().dropMValue()
    if not polygons.isGeosValid():
        raise ReviewError(tr("The new outline crosses itself: correct it and decide again."))
    box = polygons.boundingBox()
    envelope = box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum()
    header = struct.pack("<2sBBi4d", b"GP", 0, _LITTLE_ENDIAN | _XY_ENVELOPE, srs_id, *envelope)
    return header + bytes(polygons.asWkb())
