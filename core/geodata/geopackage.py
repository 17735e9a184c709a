"""Writes GeoPackages whole or not at all: a layer, and tables of values. What is in them is the business of
those who write them."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS

from ..base.errors import OutputError
from ..base.files import disk_errors

#: Registers a table of attributes: its name twice, and what it holds.
CONTENTS = """
INSERT INTO gpkg_contents (table_name, data_type, identifier, description) VALUES (?, 'attributes', ?, ?)
"""


def _part_of(path: Path) -> Path:
    """Return a temporary name whose ending tells GDAL what the file is."""
    return path.with_name(f".{path.stem}.part.gpkg")


@contextmanager
def whole_geopackage(
    path: Path, what: str, *, before_rename: Callable[[], None] | None = None
) -> Iterator[Path]:
    """Yield the name of a temporary GeoPackage, which takes the place of `path` when the block ends well.

    Args:
        what: what is in it, plural, such as "candidates".
        before_rename: called when the file is complete, before it takes its place.

    Raises:
        OutputError: if the disk does not take it; nothing is left behind.
    """
    part = _part_of(path)
    with _cleared(part):
        with _writing(what, path.parent):
            yield part
        with disk_errors(path.parent):
            if before_rename is not None:
                before_rename()
            part.replace(path)


def write_layer(
    path: Path,
    name: str,
    geometries: Sequence[Any] | NDArray[Any],
    columns: Mapping[str, NDArray[Any]],
    crs: CRS,
    *,
    geometry_type: str,
    description: str,
) -> None:
    """Write a layer with GDAL, so that every reader finds a GeoPackage by the book.

    Args:
        geometries: shapely geometries `[n]`, of the columns' rows; NaN in columns is written as null.
    """
    code = crs.to_epsg()
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.asarray(geometries, object)),
        list(columns.values()),
        list(columns),
        layer=name,
        driver="GPKG",
        geometry_type=geometry_type,
        crs=f"EPSG:{code}" if code else crs.to_wkt(),
        nan_as_null=True,
        dataset_options={"VERSION": "1.2"},  # newer ones make older GDALs warn
        layer_options={"GEOMETRY_NAME": "geometry", "FID": "fid", "DESCRIPTION": description},
    )


def write_values(
    database: sqlite3.Connection, table: str, values: Mapping[str, Any], description: str
) -> None:
    """Write a table of keys and JSON values."""
    database.execute(
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL)"
    )
    rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in values.items()]
    database.executemany(f"INSERT INTO {table} (key, value) VALUES (?, ?)", rows)
    database.execute(CONTENTS, (table, table, description))


@contextmanager
def _cleared(part: Path) -> Iterator[None]:
    """Let nothing temporary lie before or after."""
    names = (part, *(part.with_name(part.name + end) for end in ("-journal", "-wal", "-shm")))
    try:
        for name in names:
            name.unlink(missing_ok=True)
        yield
    finally:
        for name in names:
            name.unlink(missing_ok=True)


@contextmanager
def _writing(what: str, folder: Path) -> Iterator[None]:
    """Turn what GDAL and SQLite say of a disk into OutputError; `what` is plural, such as "candidates"."""
    try:
        yield
    except (DataSourceError, DataLayerError, OSError, sqlite3.DatabaseError) as error:
        raise OutputError(
            f"The {what} cannot be written to {folder} ({error}); check its free space and its rights."
        ) from error
