"""`plugin/review/session.py`: deciding, undo and redo add rows to the log, and the seconds are right."""

from contextlib import closing

import pytest
from mce_landcover.plugin.review.order import Filter, Order
from mce_landcover.plugin.review.records import UNDECIDED, ReviewError, Verdict
from mce_landcover.plugin.review.session import ReviewSession, Stopwatch
from mce_landcover.plugin.review.store import ReviewStore
from review_files import change, make_file, name_of, rows_of, states_in


class Clock:
    """Seconds that pass when told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path, qgis_app):
    return make_file(tmp_path / "candidates.gpkg")


@pytest.fixture
def session(path, clock):
    session = ReviewSession(ReviewStore.open(path, "me"), clock=clock)
    yield session
    session.close()


@pytest.fixture
def heard(session):
    """What the signals say, in order."""
    heard = []
    session.current_changed.connect(lambda c: heard.append(("current", c and c.rank)))
    session.decided.connect(lambda d: heard.append(("decided", d.decision)))
    session.progress_changed.connect(lambda: heard.append(("progress",)))
    return heard


def log_of(path):
    return [row[0] for row in rows_of(path, "SELECT decision FROM decisions ORDER BY id")]


def test_deciding_writes_and_goes_on(session, path, heard):
    session.decide(Verdict.ACCEPT, comment="clear")
    assert log_of(path) == ["accept"]
    assert session.current.rank == 2
    assert heard == [("decided", "accept"), ("progress",), ("current", 2)]
    session.decide(Verdict.RECLASSIFY, class_id=7, advance=False)
    assert session.current.rank == 2


def test_undo_and_redo_add_rows_and_restore_states(session, path):
    before = states_in(path)
    session.decide(Verdict.ACCEPT, comment="first")
    outline = session.queue.geometry(name_of(5))
    session.decide(Verdict.RECLASSIFY, class_id=7, outline=outline)
    decided = {uuid: state[:2] for uuid, state in states_in(path).items()}
    assert session.stack.canUndo() and not session.stack.canRedo()
    assert session.undo().undoes is not None
    assert session.current.rank == 2
    session.undo()
    assert session.current.rank == 1
    assert states_in(path) == before
    assert session.undo() is None
    session.redo()
    assert session.current.rank == 2
    again = session.redo()
    assert {uuid: state[:2] for uuid, state in states_in(path).items()} == decided
    assert again.outline == session.store.log.rows[1].outline
    assert session.store.log.rows[4].comment == "first"
    assert session.redo() is None
    session.undo()
    assert session.store.state(name_of(1)).status == UNDECIDED
    assert log_of(path) == ["accept", "reclassify", "undo", "undo", "accept", "reclassify", "undo"]


def test_undo_after_deciding_twice_gives_the_first_decision_back(session):
    session.decide(Verdict.ACCEPT, advance=False)
    session.decide(Verdict.REJECT, advance=False)
    session.undo()
    assert session.store.state(name_of(0)).verdict is Verdict.ACCEPT


def test_what_is_decided_after_an_undo_ends_the_redo(session):
    session.decide(Verdict.ACCEPT)
    session.undo()
    session.decide(Verdict.REJECT)
    assert not session.stack.canRedo() and session.redo() is None
    assert session.store.state(name_of(0)).verdict is Verdict.REJECT


def test_decisions_of_the_last_session_can_be_taken_back(session, path):
    session.decide(Verdict.ACCEPT, outline=session.queue.geometry(name_of(5)))
    session.decide(Verdict.REJECT)
    session.decide(Verdict.UNSURE)
    session.undo()
    with closing(ReviewStore.open(path, "another")) as other:
        other.decide(name_of(7), Verdict.ACCEPT)
    again = ReviewSession(ReviewStore.open(path, "me"))
    assert again.current.rank == 4
    assert again.undo().candidate == name_of(1)
    assert again.undo().candidate == name_of(0)
    assert again.undo() is None
    made = again.redo()
    assert made.decision == "accept" and made.outline is not None
    again.close()


def test_a_failed_redo_changes_nothing(session, path):
    session.decide(Verdict.ACCEPT)
    session.undo()
    change(path, "DELETE FROM candidates WHERE uuid = ?", name_of(0))
    with pytest.raises(ReviewError, match="deleted"):
        session.redo()
    assert session.stack.canRedo() and log_of(path) == ["accept", "undo"]


def test_what_another_took_back_does_not_block_older_undos(session, path):
    first = session.decide(Verdict.ACCEPT)
    second = session.decide(Verdict.ACCEPT)
    with closing(ReviewStore.open(path, "another")) as other:
        other.take_back(second.uuid)
    assert session.undo().undoes == first.uuid
    assert session.undo() is None


def test_what_others_decide_is_heard(session, path, heard):
    with closing(ReviewStore.open(path, "another")) as other:
        other.decide(name_of(1), Verdict.ACCEPT)
    assert session.next_undecided().rank == 3
    assert heard == [("decided", "accept"), ("progress",), ("current", 3)]


def test_moving_about(session, heard):
    assert session.skip().rank == 2
    assert session.previous().rank == 1
    assert session.go_to(name_of(4)).rank == 5
    session.set_order(Order.AREA)
    session.set_filter(Filter(uuids=frozenset({name_of(8)})))
    assert session.current.rank == 9
    assert heard[-2:] == [("current", 9), ("progress",)]
    session.set_filter(Filter(uuids=frozenset()))
    assert session.current is None
    with pytest.raises(ReviewError, match="no candidate to decide"):
        session.decide(Verdict.ACCEPT)


def test_all_decided(session):
    while session.queue.progress().n_decided < len(session.store):
        session.decide(Verdict.REJECT)
    assert session.next_undecided() is None
    assert session.current.rank == 12


def test_seconds_are_those_that_it_was_looked_at(session, clock):
    clock.now += 3
    assert session.decide(Verdict.ACCEPT).seconds == 3
    clock.now += 2
    session.skip()
    clock.now += 10
    session.previous()
    session.pause()
    clock.now += 3600
    session.resume()
    clock.now += 1
    assert session.current.rank == 2
    assert session.decide(Verdict.ACCEPT).seconds == 3
    assert session.decide(Verdict.ACCEPT).seconds == 10


def test_pausing_twice_is_pausing(session, clock):
    session.pause()
    session.pause()
    clock.now += 5
    session.resume()
    session.resume()
    clock.now += 5
    assert session.decide(Verdict.ACCEPT).seconds == 5


def test_stopwatch_begins_anew_when_forgotten():
    clock = Clock()
    watch = Stopwatch(clock)
    watch.look_at("a")
    clock.now += 5
    assert watch.seconds("a") == 0
    watch.run(True)
    clock.now += 5
    watch.forget("a")
    clock.now += 2
    assert watch.seconds("a") == 2
    assert watch.seconds("b") == 0


def test_looking_at_a_file_that_cannot_be_written(path, qgis_app):
    session = ReviewSession(ReviewStore.open(path, "me", read_only=True))
    assert session.skip().rank == 2
    with pytest.raises(ReviewError, match="only be read"):
        session.decide(Verdict.ACCEPT)
    assert not session.stack.canUndo()
    session.close()
