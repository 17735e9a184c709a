"""Opens a candidates GeoPackage so that a commit is on the disk, says in one sentence what is wrong with a
file, and whether it can be written. What is in its tables is read in `contents.py`.

Python's sqlite3 is the safest there is on every side: a rollback journal (a write-ahead log needs shared
memory, which network drives do not have), `synchronous = EXTRA` (the journal's end is on the disk, too), and
no lock between two commits, so that QGIS can have the layer open.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ..i18n import tr
from .records import ReviewError

#: Version of the tables; others are refused, as the backend does.
SCHEMA_VERSION = 1
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
            with told(path):
                if _can_write(database):
                    _check(database, path)
                    return database, False
            database.close()
        except BaseException:
            database.close()
            raise
    database = _opened_to_look(path)
    try:
        with told(path):
            _check(database, path)
    except BaseException:
        database.close()
        raise
    return database, True


@contextmanager
def told(path: Path) -> Iterator[None]:
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
        with told(path):
            database.execute("BEGIN IMMEDIATE")
        yield


def strange(path: Path) -> ReviewError:
    """Return what is said of a file that is something else."""
    return ReviewError(
        tr(
            '{} is no GeoPackage of candidates, or is damaged: choose one from "Flag missed rare places".'
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
    with told(path):
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
    if said is None or said[0] != str(SCHEMA_VERSION):
        raise ReviewError(
            tr(
                "{} was made by another version (its tables are of version {}, not {}): flag the run anew."
            ).format(path, said and said[0], SCHEMA_VERSION)
        )
