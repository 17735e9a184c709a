"""Reads what a candidates GeoPackage says of itself: its run, classes, CRS and candidates. The log of
decisions is read in `store.py`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem

from ..i18n import tr
from .database import strange
from .records import Candidate, ReviewClass, ReviewError

_COLUMNS = ", ".join(f'"{name}"' for name in Candidate._fields)


def read_run(database: sqlite3.Connection) -> dict[str, Any]:
    """Return what the file says of its run; raise sqlite3.DataError where that is no JSON."""
    try:
        return {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM run")}
    except (TypeError, ValueError) as error:
        raise sqlite3.DataError("the table `run` holds something else than JSON") from error


def read_candidates(database: sqlite3.Connection) -> tuple[list[Candidate], int]:
    """Return the candidates in order of rank, and the number of outlines that somebody drew beside them."""
    rows = database.execute(f"SELECT {_COLUMNS} FROM candidates ORDER BY rank, uuid").fetchall()
    everyone = map(Candidate._make, rows)
    flagged = [
        c for c in everyone if None not in (c.uuid, c.class_id, c.class_name, c.area_m2, c.rank, c.x, c.y)
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
