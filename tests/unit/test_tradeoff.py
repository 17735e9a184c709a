import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.metafusion.counting import Errors
from mce_landcover.training.experiments.metafusion.tradeoff import false_positives_at, mean_errors

POINTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50)), min_size=1, max_size=12)


def test_between_two_points_the_trade_off_is_linear() -> None:
    sweep = [Errors(10, 100), Errors(50, 60), Errors(400, 20)]
    assert false_positives_at(sweep, 100) == 10
    assert false_positives_at(sweep, 80) == pytest.approx(30)
    assert false_positives_at(sweep, 30) == pytest.approx(50 + 350 * 30 / 40)
    assert np.isnan(false_positives_at(sweep, 19)) and np.isnan(false_positives_at(sweep, 101))
    assert np.isnan(false_positives_at([], 5))


@given(POINTS, st.randoms())
def test_it_passes_through_the_best_points_in_any_order(
    points: list[tuple[int, int]], random: object
) -> None:
    sweep = [Errors(fp, fn) for fp, fn in points]
    random.shuffle(sweep)  # type: ignore[attr-defined]
    for errors in sweep:
        best = min(e.fp for e in sweep if e.fn == errors.fn)
        assert false_positives_at(sweep, errors.fn) == best


def test_means() -> None:
    assert mean_errors([Errors(1, 10, 5), Errors(2, 30, 5)]) == (1.5, 20)
