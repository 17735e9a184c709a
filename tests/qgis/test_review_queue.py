"""`plugin/review/queue.py` and `progress.py`: what is looked at next, and how far one is."""

from collections import Counter
from contextlib import closing

import pytest
from mce_landcover.plugin.review.order import Filter, Order
from mce_landcover.plugin.review.queue import ReviewQueue
from mce_landcover.plugin.review.records import UNDECIDED, Verdict
from mce_landcover.plugin.review.store import ReviewStore
from review_files import change, make_file, name_of

N = 12


@pytest.fixture
def path(tmp_path, qgis_app):
    return make_file(tmp_path / "candidates.gpkg", N)


@pytest.fixture
def store(path):
    with closing(ReviewStore.open(path, "me")) as store:
        yield store


@pytest.fixture
def queue(store):
    return ReviewQueue(store)


def ranks(candidates):
    return [c.rank for c in candidates]


def test_it_begins_with_the_first_and_goes_through_all(queue, store):
    assert (queue.current.rank, queue.position, len(queue)) == (1, 0, N)
    seen = [queue.current.rank]
    for _ in range(N - 1):
        store.decide(queue.current.uuid, Verdict.REJECT)
        seen.append(queue.next_undecided().rank)
    assert seen == list(range(1, N + 1))
    store.decide(queue.current.uuid, Verdict.REJECT)
    assert queue.next_undecided() is None
    assert queue.current.rank == N


def test_next_goes_round_over_what_is_decided(queue, store):
    for i in (0, 2, 3, 11):
        store.decide(name_of(i), Verdict.ACCEPT)
    queue.go_to(name_of(1))
    assert ranks(queue.upcoming(3)) == [5, 6, 7]
    assert queue.next_undecided().rank == 5
    queue.go_to(name_of(10))
    assert queue.next_undecided().rank == 2
    assert ranks(queue.upcoming(99)) == [5, 6, 7, 8, 9, 10, 11]


def test_the_last_undecided_is_next_to_itself(queue, store):
    for i in range(N - 1):
        store.decide(name_of(i), Verdict.ACCEPT)
    assert queue.next_undecided().rank == N
    assert queue.next_undecided().rank == N
    assert queue.upcoming(3) == []


def test_skip_and_previous_go_over_decided_ones_and_round(queue, store):
    store.decide(name_of(1), Verdict.ACCEPT)
    assert queue.skip().rank == 2
    assert queue.previous().rank == 1
    assert queue.previous().rank == N
    assert queue.skip().rank == 1


def test_it_resumes_after_the_last_decision_of_this_user(path, store):
    store.decide(name_of(4), Verdict.ACCEPT)
    with closing(ReviewStore.open(path, "another")) as other:
        other.decide(name_of(5), Verdict.ACCEPT)
        other.decide(name_of(9), Verdict.ACCEPT)
    with closing(ReviewStore.open(path, "me")) as again:
        assert ReviewQueue(again).current.rank == 7
    with closing(ReviewStore.open(path, "somebody new")) as new:
        assert ReviewQueue(new).current.rank == 1


def test_it_resumes_at_the_end_where_all_are_decided(path, store):
    for i in range(N):
        store.decide(name_of(i), Verdict.REJECT)
    assert ReviewQueue(store).current.rank == N


def test_the_current_one_stays_when_the_order_changes(queue, store):
    queue.go_to(name_of(6))
    for order in Order:
        queue.set_order(order)
        assert (queue.order, queue.current.rank) == (order, 7)
        assert 0 <= queue.position < N
    queue.set_order(Order.AREA)
    areas = []
    for _ in range(N):
        areas.append(queue.skip().area_m2)
    start = areas.index(max(areas))
    assert areas[start:] + areas[:start] == sorted(areas, reverse=True)


def test_a_filter_keeps_the_current_one_if_it_passes(queue, store):
    of_class = [c for c in store.candidates if c.class_id == 4]
    queue.go_to(of_class[1].uuid)
    queue.set_filter(Filter(classes=frozenset({4})))
    assert queue.current == of_class[1]
    assert len(queue) == len(of_class)
    assert queue.go_to(next(c for c in store.candidates if c.class_id == 3).uuid) == of_class[1]
    queue.set_filter(Filter(classes=frozenset({3})))
    assert queue.current.class_id == 3 and queue.position == 0
    queue.set_filter(Filter(classes=frozenset({99})))
    assert (queue.current, queue.position, len(queue)) == (None, None, 0)
    assert queue.next_undecided() is queue.skip() is queue.previous() is None
    assert queue.upcoming(3) == []
    assert queue.progress().n == 0
    queue.set_filter(Filter())
    assert queue.current.rank == 1


def test_what_is_decided_stays_in_a_queue_of_undecided_ones(queue, store):
    queue.set_filter(Filter(statuses=frozenset({UNDECIDED})))
    store.decide(queue.current.uuid, Verdict.ACCEPT)
    assert queue.next_undecided().rank == 2
    assert queue.previous().rank == 1
    queue.set_filter(queue.filter)
    assert len(queue) == N - 1 and queue.current.rank == 2


def test_a_second_look_shows_nothing_that_others_decided(queue, store, path):
    for i in range(6):
        store.decide(name_of(i), Verdict.REJECT, outline=store.geometry(name_of(7)))
    with closing(ReviewStore.open(path, "Beat")) as other:
        second = ReviewQueue(other)
        second.set_second_look([name_of(i) for i in (1, 3, 5)])
        assert [second.current.rank, *ranks(second.upcoming(9))] == [2, 4, 6]
        assert second.state(name_of(1)).status == UNDECIDED
        assert second.geometry(name_of(1)).area() == pytest.approx(other.candidates[1].area_m2)
        assert second.progress().n_decided == 0
        other.decide(name_of(1), Verdict.ACCEPT)
        assert second.state(name_of(1)).verdict is Verdict.ACCEPT
        assert (second.progress().n_decided, second.progress().n) == (1, 3)
        assert second.next_undecided().rank == 4
        second.set_filter(Filter(statuses=frozenset({"reject"})))
        assert len(second) == 0
        second.set_filter(Filter())
        second.set_second_look(None)
        assert second.state(name_of(3)).verdict is Verdict.REJECT
        assert len(second) == N


def brute_force(store, uuids):
    candidates = map(store.candidate, uuids)
    counts = Counter(((c.kind, c.class_id), store.state(c.uuid).status) for c in candidates)
    return {key: n for key, n in counts.items() if key[1] != UNDECIDED}


def counted(progress):
    return {(group, name): n for group, g in progress.groups.items() for name, n in g.verdicts.items()}


def test_progress_is_what_counting_anew_gives(queue, store):
    everything = [c.uuid for c in store.candidates]
    moves = [
        (0, Verdict.ACCEPT),
        (1, Verdict.REJECT),
        (0, Verdict.UNSURE),
        (2, Verdict.ACCEPT),
        (5, Verdict.REJECT),
    ]
    for i, verdict in moves:
        made = store.decide(name_of(i), verdict)
        assert counted(queue.progress()) == brute_force(store, everything)
    store.take_back(made.uuid)
    store.take_back(next(r.uuid for r in store.log.rows if r.decision == "unsure"))
    progress = queue.progress()
    assert counted(progress) == brute_force(store, everything)
    assert (progress.n, progress.n_decided) == (N, 3)
    assert store.state(name_of(0)).verdict is Verdict.ACCEPT
    part = frozenset({name_of(0), name_of(3)})
    queue.set_filter(Filter(uuids=part))
    assert counted(queue.progress()) == brute_force(store, part)
    assert list(progress.groups) == [("missed", 3), ("missed", 4)]


def test_progress_tells_kinds_apart(tmp_path, qgis_app):
    with closing(ReviewStore.open(make_file(tmp_path / "both.gpkg", 30, doubtful=2), "me")) as store:
        queue = ReviewQueue(store)
        assert list(queue.progress().groups) == [
            *(("missed", 3), ("missed", 4)),
            *(("doubtful", 3), ("doubtful", 4)),
        ]
        for i in range(9):
            store.decide(name_of(i), Verdict.REJECT if i % 2 else Verdict.ACCEPT)
        assert counted(queue.progress()) == brute_force(store, [c.uuid for c in store.candidates])
        queue.set_filter(Filter(kinds=frozenset({"doubtful"})))
        assert {group.kind for group in queue.progress().groups} == {"doubtful"}
        assert queue.progress().n == len(queue) == 15
        assert queue.current.is_doubtful


def test_the_current_one_stays_when_ranks_change(queue, store, path):
    store.decide(name_of(0), Verdict.ACCEPT)
    queue.go_to(name_of(6))
    change(path, "UPDATE candidates SET rank = 13 - rank, score = rank / 20.0")
    queue.reload()
    assert (queue.current.uuid, queue.current.rank, queue.position) == (name_of(6), 6, 5)
    assert store.state(name_of(0)).verdict is Verdict.ACCEPT
    assert queue.progress().n_decided == 1
    assert queue.next_undecided().uuid == name_of(5)
    assert store.candidates[0].uuid == name_of(11)
    change(path, "DELETE FROM candidates WHERE uuid = ?", queue.current.uuid)
    queue.reload()
    assert len(queue) == N - 1 and queue.current.rank == 1


def test_speed_and_time_left(queue, store):
    assert queue.progress().seconds_left is None and queue.progress().per_minute is None
    for i, seconds in enumerate((2.0, 4.0, None, 6.0)):
        store.decide(name_of(i), Verdict.ACCEPT, seconds=seconds)
    progress = queue.progress()
    assert progress.seconds_each == 4.0
    assert progress.per_minute == 15.0
    assert progress.seconds_left == 4.0 * (N - 4)


def test_a_candidate_of_another_file_is_nowhere(queue):
    from mce_landcover.plugin.review.records import ReviewError

    with pytest.raises(ReviewError, match="no candidate"):
        queue.go_to("nobody")


def test_an_empty_file_has_an_empty_queue(tmp_path, qgis_app):
    with closing(ReviewStore.open(make_file(tmp_path / "none.gpkg", 0), "me")) as store:
        queue = ReviewQueue(store)
        for order in Order:
            queue.set_order(order)
        assert queue.current is None and len(queue) == 0 and queue.progress().n == 0
