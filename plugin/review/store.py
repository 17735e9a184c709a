"""The store of a review: the candidates of a GeoPackage and its append-only log of decisions. Every
decision is on the disk before it counts. What to look at next is `queue.py`, undo and redo are `session.py`.
"""

from __future__ import annotations

import math
import sqlite3
import uuid as uuids
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qgis.core import QgsGeometry

from ..i18n import tr
from .database import (
    connect,
    identity,
    outline_from,
    outline_to,
    read_candidates,
    read_classes,
    read_crs,
    read_run,
    read_srs_id,
    readable_errors,
)
from .log import DecisionLog, state_of
from .records import UNDO, Candidate, Decision, ReviewError, State, Verdict

_LOG = ", ".join(Decision._fields)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class ReviewStore:
    """An open candidates GeoPackage; make one with `open`, and `close` it.

    Attributes:
        path: the file.
        user: who decides.
        read_only: it can only be looked at; `decide` and `take_back` refuse.
        candidates: all, in order of rank.
        classes: of the map, in its order; those to reclassify to.
        flagged: the classes that were looked for.
        run: what the file says of its run, see the table `run`.
        crs: of outlines and centres.
        log: all decisions.
        notes: sentences about what is unusual in this file, to be shown once.
    """

    def __init__(
        self,
        path: Path,
        user: str,
        database: sqlite3.Connection,
        *,
        read_only: bool,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.path, self.user, self.read_only = path, user, read_only
        self._database, self._clock = database, clock
        self._identity = identity(path)
        with readable_errors(path):
            self._srs_id = read_srs_id(database)
            self._version = self._data_version()
            n_strays = self.reload_candidates()
            self.log = DecisionLog(
                map(Decision._make, database.execute(f"SELECT {_LOG} FROM decisions ORDER BY id"))
            )
        self.classes = read_classes(self.run, "map_classes", path)
        self.flagged = read_classes(self.run, "classes", path)
        self.crs = read_crs(self.run, path)
        self.notes: tuple[str, ...] = tuple(self._notes(n_strays))

    @classmethod
    def open(
        cls,
        path: Path,
        user: str,
        *,
        clock: Callable[[], datetime] = _utc_now,
        read_only: bool = False,
    ) -> ReviewStore:
        """Open a candidates GeoPackage for `user`; `clock` gives the time in UTC.

        A file that cannot be written is opened to look at, which needs no user. Raises ReviewError where it
        cannot be read, is something else, of another version, or locked.
        """
        if not user.strip() and not read_only:
            raise ReviewError(tr("Say who reviews: every decision is kept with its user."))
        database, locked = connect(path, read_only=read_only)
        try:
            store = cls(path, user.strip(), database, read_only=locked, clock=clock)
        except BaseException:
            database.close()
            raise
        if locked and not read_only:
            said = tr("{} can only be read: look at it, or work on a copy to decide.").format(path)
            store.notes = (said, *store.notes)
        return store

    def close(self) -> None:
        """Close the file; everything is in it already."""
        self._database.close()

    def __len__(self) -> int:
        return len(self.candidates)

    @property
    def has_scores(self) -> bool:
        """Has any candidate a score?"""
        return any(candidate.score is not None for candidate in self.candidates)

    def __contains__(self, uuid: str) -> bool:
        return uuid in self._index

    def index(self, uuid: str) -> int:
        """Return the place of a candidate in `candidates`; raise ReviewError for one that is not there."""
        try:
            return self._index[uuid]
        except KeyError:
            raise ReviewError(tr("The file has no candidate {}: was it deleted?").format(uuid)) from None

    def candidate(self, uuid: str) -> Candidate:
        """Return a candidate by its uuid; raise ReviewError for one that is not there."""
        return self.candidates[self.index(uuid)]

    def geometry(self, uuid: str, *, user: str | None = None) -> QgsGeometry:
        """Return the outline in the CRS: that of the decision that counts (of this `user` alone, if one is
        named) where one was drawn with it, else the candidate's, which is read from the file.

        Raises ReviewError.
        """
        candidate, decision = self.candidate(uuid), self.log.counting(uuid, user)
        if decision is not None and decision.outline is not None:
            return outline_from(decision.outline)
        query = "SELECT geometry FROM candidates WHERE fid = ?"
        with readable_errors(self.path):
            row = self._database.execute(query, (candidate.fid,)).fetchone()
        if row is None or row[0] is None:
            raise ReviewError(tr("The file has no candidate {}: was it deleted?").format(uuid))
        return outline_from(row[0])

    def outline_of(self, decision: Decision) -> QgsGeometry | None:
        """Return the outline that was drawn with a decision."""
        return None if decision.outline is None else outline_from(decision.outline)

    def state(self, uuid: str, *, user: str | None = None) -> State:
        """Return what was decided of a candidate, as the view `review` has it; or by one `user` alone."""
        return state_of(self.log.counting(uuid, user), self.candidate(uuid).class_id)

    def decide(
        self,
        uuid: str,
        verdict: Verdict,
        *,
        class_id: int | None = None,
        comment: str | None = None,
        seconds: float | None = None,
        outline: QgsGeometry | None = None,
    ) -> Decision:
        """Add a decision to the log; when this returns, it is on the disk.

        `class_id` is what is really there, for RECLASSIFY alone; reclassifying to the flagged class is to
        accept. `outline` is a new one in the store's CRS. Raises ReviewError, and then nothing is written.
        """
        candidate = self.candidate(uuid)
        if verdict is Verdict.RECLASSIFY and class_id == candidate.class_id:
            verdict, class_id = Verdict.ACCEPT, None
        if (verdict is Verdict.RECLASSIFY) != (class_id is not None):
            raise ReviewError(tr("A class goes with reclassifying, and with nothing else."))
        if class_id is not None and class_id not in {c.id for c in self.classes}:
            raise ReviewError(tr("The map has no class {}: choose another.").format(class_id))
        blob = None if outline is None else outline_to(outline, self._srs_id)
        known = seconds is not None and math.isfinite(seconds)
        return self._append(
            candidate=uuid,
            decision=verdict.value,
            class_id=class_id,
            seconds=max(0.0, float(seconds)) if known and seconds is not None else None,
            comment=(comment or "").strip() or None,
            outline=blob,
            run=candidate.run,
        )

    def take_back(self, decision_uuid: str) -> Decision:
        """Add a row that undoes a decision; on the disk like a decision. Raises ReviewError."""
        undone = self.log.get(decision_uuid)
        if undone is None or undone.decision == UNDO:
            raise ReviewError(tr("There is no decision {} to take back.").format(decision_uuid))
        if self.log.is_undone(decision_uuid):
            raise ReviewError(tr("This decision was taken back already."))
        return self._append(candidate=undone.candidate, decision=UNDO, undoes=decision_uuid, run=undone.run)

    def refresh(self) -> list[Decision]:
        """Read what others have added to the log since, and return it; cheap where nothing changed."""
        with readable_errors(self.path):
            version = self._data_version()
            if version == self._version:
                return []
            rows = self._new_rows()
        self._version = version
        self.log.add(rows)
        return rows

    def reload_candidates(self) -> int:
        """Read the candidates and what the file says of its run; return how many outlines were left out.

        Raises ReviewError, and then all stays as it was.
        """
        with readable_errors(self.path):
            run, (candidates, n_strays) = read_run(self._database), read_candidates(self._database)
        self.run: dict[str, Any] = run
        self.candidates: list[Candidate] = candidates
        self._index = {candidate.uuid: i for i, candidate in enumerate(candidates)}
        return n_strays

    def copy_to(self, path: Path) -> None:
        """Write the whole file as it is now to a new one; raise ReviewError."""
        with readable_errors(path), closing(sqlite3.connect(path)) as target:
            self._database.backup(target)

    def _append(self, **values: Any) -> Decision:
        if self.read_only:
            raise ReviewError(tr("{} can only be read: work on a copy to decide.").format(self.path))
        row = {
            "uuid": str(uuids.uuid4()),
            "user": self.user,
            "time": _stamp(self._clock()),
            "model_sha256": self.run.get("model_sha256"),
            **values,
        }
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self._require_same_file()
        with readable_errors(self.path), self._transaction() as database:
            news = self._new_rows()
            if row["decision"] != UNDO and not self._is_there(row["candidate"]):
                raise ReviewError(
                    tr("The candidate was deleted from the file meanwhile: open the review anew.")
                )
            cursor = database.execute(f"INSERT INTO decisions ({names}) VALUES ({marks})", list(row.values()))
            id_ = int(cursor.lastrowid or 0)
        self._require_same_file()
        made = Decision(**{**dict.fromkeys(Decision._fields), **row, "id": id_})
        self.log.add([*news, made])
        return made

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit at once what is done inside, or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _require_same_file(self) -> None:
        """Raise ReviewError if another file was put in the place of ours: ours is gone when we close it."""
        if identity(self.path) != self._identity:
            raise ReviewError(
                tr(
                    "{} was replaced or moved meanwhile, the decision is not kept: open the review anew."
                ).format(self.path)
            )

    def _new_rows(self) -> list[Decision]:
        query = f"SELECT {_LOG} FROM decisions WHERE id > ? ORDER BY id"
        return [Decision._make(row) for row in self._database.execute(query, (self.log.last_id,))]

    def _is_there(self, uuid: str) -> bool:
        found = self._database.execute("SELECT 1 FROM candidates WHERE uuid = ?", (uuid,)).fetchone()
        return found is not None

    def _data_version(self) -> int:
        """Return a number that changes when another connection has written."""
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])

    def _notes(self, n_strays: int) -> Sequence[str]:
        notes = []
        gone = sum(uuid not in self._index for uuid in self.log.candidates())
        if gone:
            notes.append(
                tr(
                    "Candidates with decisions that are no longer in the file: {}; the log keeps them."
                ).format(gone)
            )
        if n_strays:
            notes.append(tr("Outlines that flagging did not make are left out: {}.").format(n_strays))
        return notes


def _stamp(time: datetime) -> str:
    """Return a time in UTC as the log has it, 2026-05-31T14:03:59.123Z."""
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
