"""`plugin/review/order.py`: every candidate once, in the order asked for; walks are short."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.plugin.review.order import Filter, Order, arrange, curve_steps, expected_gains
from mce_landcover.plugin.review.records import Candidate, Decision

PLACES = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e4), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)))


def candidates_at(places) -> list[Candidate]:
    blank = dict.fromkeys(Candidate._fields)
    return [
        Candidate(**{**blank, "uuid": str(i), "class_id": k, "area_m2": area, "rank": i + 1, "x": x, "y": y})
        for i, (k, area, x, y) in enumerate(places)
    ]


def length(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


@given(PLACES, st.sampled_from(Order))
def test_every_order_holds_every_candidate_once(places, order):
    assert sorted(arrange(candidates_at(places), order)) == list(range(len(places)))


@given(PLACES)
def test_orders_are_those_of_their_keys(places):
    candidates = candidates_at(places)
    assert arrange(candidates, Order.SCORE) == list(range(len(places)))
    areas = [(-candidates[i].area_m2, i) for i in arrange(candidates, Order.AREA)]
    assert areas == sorted(areas)
    classes = [candidates[i].class_id for i in arrange(candidates, Order.CLASS)]
    assert len([k for k, before in zip(classes, [None, *classes], strict=False) if k != before]) == len(
        set(classes)
    )
    for class_id in set(classes):
        same = [i for i in arrange(candidates, Order.CLASS) if candidates[i].class_id == class_id]
        assert same == sorted(same)


@given(PLACES, st.lists(st.none() | st.floats(0, 1), min_size=1))
def test_gain_is_the_score_or_without_any_the_rank(places, scores):
    candidates = [c._replace(score=scores[i % len(scores)]) for i, c in enumerate(candidates_at(places))]
    gains = expected_gains(candidates)
    if any(c.score is not None for c in candidates):
        assert gains == [c.score or 0.0 for c in candidates]
    else:
        assert gains == sorted(gains, reverse=True) and all(0 < gain <= 1 for gain in gains)
        assert arrange(candidates, Order.GAIN) == list(range(len(candidates)))
    for order, areas in ((Order.GAIN, [1.0] * len(places)), (Order.GAIN_AREA, [p[1] for p in places])):
        keys = [(-gains[i] * areas[i], i) for i in arrange(candidates, order)]
        assert keys == sorted(keys)


@given(PLACES, st.floats(10, 1e5))
def test_a_tile_is_finished_before_the_next_begins(places, side):
    candidates = candidates_at(places)
    order = arrange(candidates, Order.TILE, tile_m=side)
    tiles = [(math.floor(-candidates[i].y / side), math.floor(candidates[i].x / side)) for i in order]
    visits = [tile for tile, before in zip(tiles, [None, *tiles], strict=False) if tile != before]
    assert len(visits) == len(set(visits))
    assert [row for row, _ in visits] == sorted(row for row, _ in visits)


def test_tiles_run_to_and_fro():
    grid = [(0, 1.0, col + 0.5, -row - 0.5) for row in range(3) for col in range(3)]
    assert arrange(candidates_at(grid), Order.TILE, tile_m=1) == [0, 1, 2, 5, 4, 3, 6, 7, 8]


def test_the_curve_steps_to_a_neighbour_each_time():
    grid = [(x, y) for x in range(32) for y in range(32)]
    steps = curve_steps(grid)
    walk = np.array([grid[i] for i in np.argsort(steps)])
    assert len(set(steps)) == len(grid)
    assert (np.abs(np.diff(walk, axis=0)).sum(axis=1) == 1).all()


def test_a_walk_is_short_and_without_long_jumps():
    """The shortest walk through n random points of a square: 0.7124 sqrt(n) of its side (Beardwood 1959)."""
    random = np.random.default_rng(0)
    points = random.random((4000, 2)) * 5000
    order = arrange(candidates_at([(0, 1.0, x, y) for x, y in points.tolist()]), Order.DISTANCE)
    walk = points[order]
    assert length(walk) < 1.4 * 0.7124 * math.sqrt(len(points)) * 5000
    assert length(walk) < 0.05 * length(points)
    assert np.linalg.norm(np.diff(walk, axis=0), axis=1).max() < 500


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))))
def test_any_points_have_steps(points):
    steps = curve_steps(points)
    assert len(steps) == len(points)
    assert all(0 <= step < 4**16 for step in steps)


FILTERS = st.builds(
    Filter,
    classes=st.none() | st.frozensets(st.integers(0, 3)),
    score=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    statuses=st.none() | st.frozensets(st.sampled_from(["undecided", "accept"])),
    extent=st.none() | st.tuples(*[st.floats(-1e6, 1e6)] * 4),
    kinds=st.none() | st.frozensets(st.sampled_from(["missed", "doubtful"])),
)


@given(PLACES, FILTERS)
def test_what_passes_a_filter_meets_all_of_it(places, wanted):
    classes, score, statuses, extent = wanted.classes, wanted.score, wanted.statuses, wanted.extent
    candidates = [
        c._replace(score=None if i % 5 == 0 else (i % 7) / 7, kind="doubtful" if i % 3 else "missed")
        for i, c in enumerate(candidates_at(places))
    ]

    blank = dict.fromkeys(Decision._fields)
    accepted = Decision(**{**blank, "decision": "accept"})
    counting = {c.uuid: accepted for c in candidates if int(c.uuid) % 2}

    def status(uuid: str) -> str:
        return "accept" if uuid in counting else "undecided"

    def passes(c: Candidate) -> bool:
        return (
            (classes is None or c.class_id in classes)
            and (wanted.kinds is None or c.kind in wanted.kinds)
            and (score is None or (c.score is not None and score[0] <= c.score <= score[1]))
            and (statuses is None or status(c.uuid) in statuses)
            and (extent is None or (extent[0] <= c.x <= extent[2] and extent[1] <= c.y <= extent[3]))
        )

    backwards = list(range(len(candidates)))[::-1]
    found = wanted.select(candidates, backwards, counting)
    assert found == [i for i in backwards if passes(candidates[i])]


def test_chosen_candidates_alone():
    candidates = candidates_at([(0, 1.0, 0.0, 0.0)] * 5)
    chosen = Filter(uuids=frozenset({"1", "4", "nobody"}))
    assert chosen.select(candidates, range(5), {}) == [1, 4]
