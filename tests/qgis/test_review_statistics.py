"""`plugin/review/statistics.py` and `second_look.py`, against counting by hand and closed forms."""

import random
from collections import Counter
from contextlib import closing

import pytest
from mce_landcover.plugin.review.records import Kind, ReviewError, Verdict
from mce_landcover.plugin.review.statistics import (
    draw_second_look,
    flags_by_class,
    flags_by_score,
    flags_of,
    measure_agreement,
    pace_by_user,
    wilson,
)
from mce_landcover.plugin.review.store import ReviewStore
from review_files import make_file, name_of

N = 40


@pytest.fixture
def path(tmp_path, qgis_app):
    return make_file(tmp_path / "candidates.gpkg", N)


@pytest.fixture
def store(path):
    """Ursula has decided the first 30 at random."""
    dice = random.Random(1)
    with closing(ReviewStore.open(path, "Ursula")) as store:
        for i in range(30):
            verdict = dice.choice(list(Verdict))
            class_id = 7 if verdict is Verdict.RECLASSIFY else None
            store.decide(name_of(i), verdict, class_id=class_id, seconds=2.0 + i % 3)
        yield store


@pytest.mark.parametrize(
    ("n_true", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_intervals_are_those_of_the_literature(n_true, n, low, high):
    assert wilson(n_true, n) == pytest.approx((low, high), abs=6e-5)


def test_flags_by_class_are_counted(store):
    found = {f.name: f for f in flags_by_class(store, Kind.MISSED)}
    assert list(found) == ["large blocks", "large blocks with grass"]
    for name, flags in found.items():
        group = [c for c in store.candidates if c.class_name == name]
        by_hand = Counter(store.state(c.uuid).status for c in group)
        assert (flags.n, flags.n_accepted, flags.n_rejected) == (
            len(group),
            by_hand["accept"],
            by_hand["reject"],
        )
        assert (flags.n_reclassified, flags.n_unsure) == (by_hand["reclassify"], by_hand["unsure"])
        judged = len(group) - by_hand["undecided"] - by_hand["unsure"]
        assert flags.precision == by_hand["accept"] / judged
        assert flags.interval[0] < flags.precision < flags.interval[1]
        assert flags.n_decided == len(group) - by_hand["undecided"]


def test_flags_by_score_hold_every_candidate_once(store):
    bins = flags_by_score(store, Kind.MISSED)
    assert len(bins) == 10
    assert bins[0].name == "0.9–1" and bins[-1].name == "0–0.1"
    assert [f.n for f in bins] == [4] * 10
    assert sum(f.n_accepted for f in bins) == flags_of(store, Kind.MISSED).n_accepted
    assert bins[-1].precision is None and bins[-1].interval is None


def test_without_scores_there_are_no_bins(tmp_path, qgis_app):
    with closing(ReviewStore.open(make_file(tmp_path / "x.gpkg", scored=False), "me")) as store:
        assert flags_by_score(store, Kind.MISSED) == []


def test_a_doubtful_flag_is_right_where_the_place_is_thrown_out(tmp_path, qgis_app):
    with closing(ReviewStore.open(make_file(tmp_path / "both.gpkg", N, doubtful=4), "me")) as store:
        for i in range(N):
            moves = [Verdict.ACCEPT, Verdict.REJECT, Verdict.REJECT, Verdict.UNSURE]
            store.decide(name_of(i), moves[i // 4 % 4])
        store.decide(name_of(7), Verdict.RECLASSIFY, class_id=7)
        missed, doubtful = (flags_of(store, kind) for kind in Kind)
        assert (missed.n, doubtful.n) == (30, 10)
        assert (doubtful.n_accepted, doubtful.n_rejected, doubtful.n_reclassified) == (3, 4, 1)
        assert (doubtful.n_right, doubtful.n_judged, doubtful.precision) == (5, 8, 5 / 8)
        assert doubtful.interval == wilson(5, 8)
        assert missed.n_right == missed.n_accepted == 9
        assert sum(f.n_right for f in flags_by_class(store, Kind.DOUBTFUL)) == 5
        assert sum(f.n for f in flags_by_score(store, Kind.DOUBTFUL)) == 10


def test_pace(store, path):
    with closing(ReviewStore.open(path, "Beat")) as other:
        made = other.decide(name_of(0), Verdict.ACCEPT)
        other.take_back(made.uuid)
    store.refresh()
    ursula, beat = pace_by_user(store)
    assert (ursula.user, ursula.n, ursula.n_timed, ursula.seconds) == ("Ursula", 30, 30, 90.0)
    assert ursula.per_minute == 20.0
    assert (beat.n, beat.n_timed, beat.per_minute) == (1, 0, None)
    assert ursula.first <= ursula.last <= beat.first


def test_a_second_look_is_a_share_of_what_others_decided_first(store, path):
    with closing(ReviewStore.open(path, "Beat")) as other:
        other.decide(name_of(35), Verdict.ACCEPT)
        chosen = draw_second_look(other, 0.25, seed=3)
        assert len(chosen) == len(set(chosen)) == 8
        assert set(chosen) <= {name_of(i) for i in range(30)}
        for uuid in chosen[:4]:
            other.decide(uuid, Verdict.REJECT)
        assert draw_second_look(other, 0.25, seed=3) == chosen
        assert draw_second_look(other, 0.25, seed=4) != chosen
        assert set(draw_second_look(other, 1, seed=3)) == {name_of(i) for i in range(30)}
    with pytest.raises(ReviewError, match="Nobody but you"):
        draw_second_look(store, 0.1)
    for share in (0, -1, 1.01):
        with pytest.raises(ReviewError, match="share"):
            draw_second_look(store, share)


def test_every_candidate_is_drawn_as_often(store, path):
    with closing(ReviewStore.open(path, "Beat")) as other:
        counts = Counter(uuid for seed in range(600) for uuid in draw_second_look(other, 0.1, seed))
    assert len(counts) == 30 and sum(counts.values()) == 1800
    # Binomial, 600 draws of 1/10: 60 expected, 7.3 standard deviation.
    assert all(abs(n - 60) < 4 * 7.35 for n in counts.values())


def test_agreement_is_counted_by_outcome(store, path):
    with closing(ReviewStore.open(path, "Beat")) as other:
        firsts = {name_of(i): store.state(name_of(i)) for i in range(12)}
        for uuid, state in firsts.items():
            other.decide(
                uuid, Verdict.RECLASSIFY, class_id=7
            ) if state.verdict is Verdict.REJECT else other.decide(
                uuid, state.verdict, class_id=7 if state.verdict is Verdict.RECLASSIFY else None
            )
    store.refresh()
    store.decide(name_of(20), Verdict.ACCEPT)
    agreement = measure_agreement(store)
    by_hand = Counter(state.verdict for state in firsts.values())
    assert agreement.n == 12
    assert agreement.n_same == 12 - by_hand[Verdict.REJECT]
    assert agreement.share == agreement.n_same / 12
    assert agreement.confusion["reject", "water"] == by_hand[Verdict.REJECT]
    assert agreement.confusion["water", "water"] == by_hand[Verdict.RECLASSIFY]
    assert sum(agreement.confusion.values()) == 12
    assert set(agreement.outcomes) == {name for pair in agreement.confusion for name in pair}
    low, high = agreement.interval
    assert low < agreement.share < high


def test_one_person_agrees_with_nobody(store):
    store.decide(name_of(0), Verdict.UNSURE)
    agreement = measure_agreement(store)
    assert (agreement.n, agreement.share, agreement.interval, agreement.outcomes) == (0, None, None, [])
