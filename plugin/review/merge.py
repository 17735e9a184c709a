"""Merges copies of a candidates GeoPackage that several people reviewed: the union of their logs in a new
file, written whole or not at all. The copies are only read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..file_parameters import gpkg_fault
from ..i18n import tr
from .database import nobody_writes, read_version, readable_errors
from .log import DecisionLog
from .records import Decision, ReviewError
from .statistics import Disagreement, disagreements, disagreements_csv
from .store import ReviewStore


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary file in the same folder, and put it in the place of `path` when it is done.

    Raises ReviewError where the disk or the folder does not take it; nothing is left then.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        try:
            yield part
            part.replace(path)
        finally:
            _remove(part)
    except OSError as error:
        raise ReviewError(
            tr("{} cannot be written ({}): check its folder's rights and space.").format(
                path, error.strerror or error
            )
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8; raise ReviewError."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="")


def _remove(part: Path) -> None:
    """Remove a half-written file and what SQLite may have put beside it."""
    for end in ("", "-journal", "-wal", "-shm"):
        part.with_name(part.name + end).unlink(missing_ok=True)


_COLUMNS = Decision._fields[1:]


@dataclass(frozen=True)
class Merged:
    """What was merged.

    Attributes:
        path: the new GeoPackage.
        disagreements_csv: the table of the disagreements beside it.
        n_decisions: rows of the new log.
        n_added: of these, how many the first copy did not have.
        n_elsewhere: candidates with decisions that the first copy does not have; their decisions are kept.
        disagreements: candidates that were decided differently; the later decision counts.
    """

    path: Path
    disagreements_csv: Path
    n_decisions: int
    n_added: int
    n_elsewhere: int
    disagreements: tuple[Disagreement, ...]


def merge_copies(
    copies: Sequence[Path],
    target: Path,
    *,
    overwrite: bool = False,
    on_copy: Callable[[int], None] = lambda _: None,
) -> Merged:
    """Write a GeoPackage with the candidates of the first copy and the decisions of all. Where some copies
    are older than doubtful places, the first of the others counts as first.

    The log is the same for any order of the copies, and merging again adds nothing: rows stand by time, but
    never before what stood before them in a copy, however wrong a clock was.

    Args:
        copies: two or more files.
        target: a new GeoPackage; a table of the disagreements lies beside it.
        overwrite: replace it; the decisions that are in it are kept like those of a copy.
        on_copy: told how many copies were read.

    Raises ReviewError, and nothing is written then.
    """
    _require_sense(copies, target, overwrite=overwrite)
    base, *others = sorted(copies, key=read_version, reverse=True)
    with ExitStack() as stack:
        if target.exists():
            others.append(target)
            stack.enter_context(nobody_writes(target))
        first = stack.enter_context(_opened(base))
        logs = [first.log]
        for number, copy in enumerate(others, start=1):
            on_copy(number)
            with _opened(copy) as store:
                _require_same_run(first, store)
                logs.append(store.log)
        log = DecisionLog(union(logs))
        found = disagreements(log, first.candidates, logs)
        table = target.with_name(f"{target.stem}_disagreements.csv")
        with written_whole(target) as part, written_whole(table) as table_part:
            first.copy_to(part)
            _replace_log(part, log)
            table_part.write_text(disagreements_csv(found, first.classes), encoding="utf-8", newline="")
        elsewhere = sum(uuid not in first for uuid in log.candidates())
        return Merged(target, table, len(log), len(log) - len(first.log), elsewhere, tuple(found))


def union(logs: Sequence[DecisionLog]) -> list[Decision]:
    """Return the rows of all logs, each once, with new ids from 1.

    A row stands by the latest time up to it in its log, so that none comes before one that it followed.
    Raises ReviewError where two logs have different rows of one uuid.
    """
    rows: dict[str, Decision] = {}
    keys: dict[str, tuple[str, int]] = {}
    for log in logs:
        latest, since = "", 0
        for row in log.rows:
            if row.time > latest:
                latest, since = row.time, 0
            known = rows.setdefault(row.uuid, row)
            if known[1:] != row[1:]:
                raise ReviewError(
                    tr(
                        "The decision {} is not the same in all copies: one of them was changed by hand."
                    ).format(row.uuid)
                )
            keys[row.uuid] = max(keys.get(row.uuid, ("", 0)), (latest, since))
            since += 1
    ordered = sorted(rows.values(), key=lambda row: (*keys[row.uuid], row.uuid))
    return [row._replace(id=id_) for id_, row in enumerate(ordered, start=1)]


def _require_sense(copies: Sequence[Path], target: Path, *, overwrite: bool) -> None:
    different = {copy.resolve() for copy in copies}
    if len(different) < 2:
        raise ReviewError(tr("Merging takes two or more different files: choose another copy."))
    fault = gpkg_fault(target)
    if fault:
        raise ReviewError(fault)
    if target.resolve() in different:
        raise ReviewError(
            tr("{} is one of the copies, which are only read: choose another name.").format(target)
        )
    if target.exists() and not overwrite:
        raise ReviewError(tr("{} is there already: choose another name, or overwrite it.").format(target))


def _opened(path: Path) -> closing[ReviewStore]:
    return closing(ReviewStore.open(path, "", read_only=True))


def _require_same_run(first: ReviewStore, store: ReviewStore) -> None:
    shared = not len(store) or any(candidate.uuid in first for candidate in store.candidates)
    if store.run.get("model_sha256") != first.run.get("model_sha256") or not shared:
        raise ReviewError(
            tr("{} and {} have no candidates in common: choose copies of one file.").format(
                first.path, store.path
            )
        )


def _replace_log(part: Path, log: DecisionLog) -> None:
    """Put a log into a file that nobody else has: here alone rows of a log are taken out."""
    names, marks = ", ".join(_COLUMNS), ", ".join("?" * len(_COLUMNS))
    with readable_errors(part), closing(sqlite3.connect(part, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")  # a copy that QGIS edited says otherwise
        database.execute("BEGIN")
        (guard,) = database.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'decisions_no_delete' AND type = 'trigger'"
        ).fetchone()
        database.execute("DROP TRIGGER decisions_no_delete")
        database.execute("DELETE FROM decisions")
        database.execute("DELETE FROM sqlite_sequence WHERE name = 'decisions'")
        database.execute(guard)
        database.executemany(
            f"INSERT INTO decisions ({names}) VALUES ({marks})", (row[1:] for row in log.rows)
        )
        database.execute("COMMIT")
        if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("it was not written whole")
