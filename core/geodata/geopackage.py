"""What all GeoPackages that we write have in common: a place that may be written to, a temporary file that
nothing is left of, and errors in words. What is in them lives with those who write them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pyogrio.errors import DataLayerError, DataSourceError

from ..base.errors import InputError, OutputError
from ..base.files import disk_errors, require_writable

#: Registers a table of attributes: its name twice, and what it holds.
CONTENTS = """
INSERT INTO gpkg_contents (table_name, data_type, identifier, description) VALUES (?, 'attributes', ?, ?)
"""


def require_free(path: Path, *, overwrite: bool, check: Callable[[Path], None]) -> None:
    """Raise InputError unless the file may be written, OutputError unless the folder takes it.

    Args:
        check: raises InputError if a file that is there is not of the kind that may be replaced.
    """
    if path.suffix.lower() != ".gpkg":
        raise InputError(f"The output {path} must be a GeoPackage: let its name end in .gpkg.")
    if path.is_dir():
        raise InputError(f"The output {path} is a folder; give the name of a GeoPackage.")
    if path.exists() and not overwrite:
        raise InputError(f"{path} is already there; choose another output, or overwrite it.")
    if path.exists():
        check(path)
    require_writable(path.parent)
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)


def part_of(path: Path) -> Path:
    """Return the temporary file beside a GeoPackage."""
    return path.with_name(f".{path.stem}.part.gpkg")


@contextmanager
def cleared(part: Path) -> Iterator[None]:
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
def writing(what: str, folder: Path) -> Iterator[None]:
    """Turn what GDAL and SQLite say of a disk into OutputError; `what` is plural, such as "candidates"."""
    try:
        yield
    except (DataSourceError, DataLayerError, OSError, sqlite3.DatabaseError) as error:
        raise OutputError(
            f"The {what} cannot be written to {folder} ({error}); check its free space and its rights."
        ) from error
