from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.segments.counting import Errors
from mce_landcover.training.experiments.metafusion.sweep import false_positives_at

POINTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50)), min_size=1, max_size=12)


def test_between_two_points_the_trade_off_is_linear() -> None:
    sweep = [Errors(10, 100), Errors(50, 60), Errors(400, 20)]
    assert false_positives_at(sweep, 100) == 10
    assert false_positives_at(sweep, 80) == pytest.approx(30)
    assert false_positives_at(sweep, 30) == pytest.approx(50 + 350 * 30 / 40)
    assert np.isnan(false_positives_at(sweep, 19)) and np.isnan(false_positives_at(sweep, 101))
    assert np.isnan(false_positives_at([], 5))


def test_an_alpha_that_another_one_beats_does_not_count() -> None:
    sweep = [Errors(10, 100), Errors(50, 60), Errors(400, 80)]
    assert false_positives_at(sweep, 80) == pytest.approx(30)
    assert false_positives_at([Errors(10, 50), Errors(90, 90)], 70) == 10


@given(POINTS, st.randoms(), st.integers(0, 50))
def test_it_is_never_worse_than_any_alpha_that_misses_no_more(
    points: list[tuple[int, int]], random: Random, misses: int
) -> None:
    sweep = [Errors(fp, fn) for fp, fn in points]
    found = false_positives_at(sweep, misses)
    random.shuffle(sweep)
    assert np.array_equal(found, false_positives_at(sweep, misses), equal_nan=True)
    reached = [e.fp for e in sweep if e.fn <= misses]
    if not reached or misses > max(e.fn for e in sweep):
        assert np.isnan(found)
        return
    assert min(e.fp for e in sweep) <= found <= min(reached)
    if misses in {e.fn for e in sweep}:  # a point of the front is met exactly
        least = min(e.fp for e in sweep if e.fn == misses)
        assert found == min(reached) or least > min(reached)
