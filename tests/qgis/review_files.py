"""Candidates GeoPackages for the tests of the review, as the backend writes them but without it, of any size.

That the backend reads the same of a file of its own is tested in `tests/e2e/test_review.py`.
"""

from __future__ import annotations

import json
import random
import sqlite3
import struct
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from mce_landcover.plugin.paths import RESOURCES
from osgeo import ogr, osr

CLASSES = (
    {"id": 1, "name": "bedrock", "color": "#8d8478", "group": "head"},
    {"id": 3, "name": "large blocks", "color": "#d7301f", "group": "tail"},
    {"id": 4, "name": "large blocks with grass", "color": "#f768a1", "group": "tail"},
    {"id": 7, "name": "water", "color": "#3182bd", "group": "body"},
)
FLAGGED = CLASSES[1:3]
TEXT, WHOLE, REAL = ogr.OFTString, ogr.OFTInteger64, ogr.OFTReal
COLUMNS = {
    **{"uuid": TEXT, "class_id": WHOLE, "class_name": TEXT, "area_m2": REAL, "score": REAL, "rank": WHOLE},
    **{"bayes_class_id": WHOLE, "bayes_class_name": TEXT, "entropy": REAL, "margin": REAL},
    **{"variation": REAL, "n_experts": WHOLE, "experts": TEXT, "support": REAL, "x": REAL, "y": REAL},
    **{"row_first": WHOLE, "col_first": WHOLE, "run": TEXT},
}
#: Columns since version 2 of the tables.
KIND_COLUMNS = {
    **{"kind": TEXT, "instead_class_id": WHOLE, "instead_class_name": TEXT, "expected_iou": REAL},
}
#: The review tables of version 1, as they were: it had missed places only.
OLD_SQL = Path(__file__).with_name("review_version_1.sql")
WEST, SOUTH = 2_600_000.0, 1_200_000.0


def name_of(i: int) -> str:
    """The uuid of the i-th candidate."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(i)))


def square(x: float, y: float, side: float) -> bytes:
    """A GeoPackage multipolygon: a square around a point."""
    w, e, s, n = x - side / 2, x + side / 2, y - side / 2, y + side / 2
    ring = struct.pack("<I10d", 5, w, s, e, s, e, n, w, n, w, s)
    wkb = struct.pack("<BII", 1, 6, 1) + struct.pack("<BII", 1, 3, 1) + ring
    return struct.pack("<2sBBi4d", b"GP", 0, 3, 2056, w, e, s, n) + wkb


def make_file(
    path: Path,
    n: int = 12,
    *,
    seed: int = 0,
    extent_m: float = 5000.0,
    scored: bool = True,
    said: Mapping[str, Any] | None = None,
    doubtful: int = 0,
    old: bool = False,
) -> Path:
    """Write n candidates at random places; the i-th has rank i + 1, a square outline and `name_of(i)`.

    With `doubtful` every so many-th (the last of each so many) is a doubtful place of bedrock; else all are
    missed ones. `old` files have the tables of version 1.
    """
    dice = random.Random(seed)
    columns = COLUMNS if old else {**COLUMNS, **KIND_COLUMNS}
    _make_layer(path, columns)
    names = list(columns)
    rows = []
    for i in range(n):
        flagged = FLAGGED[dice.random() < 0.3]
        side = dice.uniform(3, 30)
        x, y = WEST + dice.random() * extent_m, SOUTH + dice.random() * extent_m
        values = {
            **{"uuid": name_of(i), "class_id": flagged["id"], "class_name": flagged["name"]},
            **{"area_m2": side * side, "score": 1 - (i + 0.5) / n if scored else None, "rank": i + 1},
            **{"bayes_class_id": 1, "bayes_class_name": "bedrock", "entropy": dice.random()},
            **{"margin": dice.random(), "variation": dice.random(), "n_experts": 1, "experts": "tail"},
            **{"support": dice.random(), "x": x, "y": y, "row_first": i, "col_first": i, "run": "run"},
            **{"kind": "missed", "instead_class_id": flagged["id"], "instead_class_name": flagged["name"]},
            "expected_iou": None,
        }
        if doubtful and i % doubtful == doubtful - 1:
            values |= {"kind": "doubtful", "instead_class_id": 1, "instead_class_name": "bedrock"}
            values |= {"bayes_class_id": flagged["id"], "bayes_class_name": flagged["name"]}
            values |= {"support": 1.0, "expected_iou": 0.35 if scored else None}
        rows.append((square(x, y, side), *(values[name] for name in names)))
    run = {
        **{"schema_version": 1 if old else 2, "run": "run", "model": "demo", "model_sha256": "ab" * 32},
        **{"classes": FLAGGED, "map_classes": CLASSES},
        "grid": {"crs": "EPSG:2056", "crs_wkt": "", "gsd": 0.5},
        **(said or {}),
    }
    with closing(sqlite3.connect(path)) as database, database:
        quoted = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join("?" * (len(names) + 1))
        database.executemany(f"INSERT INTO candidates (geometry, {quoted}) VALUES ({marks})", rows)
        sql = OLD_SQL if old else RESOURCES / "schema" / "review.sql"
        database.executescript(sql.read_text(encoding="utf-8"))
        database.execute("CREATE TABLE features (fid INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE)")
        database.executemany("INSERT INTO features (uuid) VALUES (?)", [(row[1],) for row in rows])
        database.execute("CREATE TABLE run (id INTEGER PRIMARY KEY, key TEXT UNIQUE, value TEXT NOT NULL)")
        pairs = [(key, json.dumps(value)) for key, value in run.items()]
        database.executemany("INSERT INTO run (key, value) VALUES (?, ?)", pairs)
    return path


def _make_layer(path: Path, columns: Mapping[str, int]) -> None:
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(2056)
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path), ["VERSION=1.2"])
    # Without the index: its triggers need functions that only GDAL has.
    options = ["GEOMETRY_NAME=geometry", "FID=fid", "SPATIAL_INDEX=NO"]
    layer = source.CreateLayer("candidates", crs, ogr.wkbMultiPolygon, options)
    for name, kind in columns.items():
        layer.CreateField(ogr.FieldDefn(name, kind))
    del layer, source


def rows_of(path: Path, query: str, *values: Any) -> list[tuple]:
    """What a query gives on a fresh connection."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query, values).fetchall()


def change(path: Path, statement: str, *values: Any) -> None:
    """Change the file from outside."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement, values)


def states_in(path: Path) -> dict[str, tuple]:
    """Status and final class of every candidate, by the view."""
    query = "SELECT uuid, state, final_class_id, decision_uuid FROM review"
    return {uuid: rest for uuid, *rest in map(list, rows_of(path, query))}
