import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.flagging import changes, flag
from mce_landcover.core.flagging.fusion import accept, fuse, threshold_of


@given(st.floats(0, 1), st.floats(0, 100))
def test_a_candidate_is_accepted_while_its_price_is_at_most_that(p, price):
    paid = math.inf if p == 0 else (1 - p) / p
    if abs(paid - price) < 1e-9:  # on the edge rounding decides
        return
    assert accept(np.array([p]), price)[0] == (paid <= price)


def test_the_papers_threshold_and_the_ends():
    assert threshold_of(1) == 0.5
    assert threshold_of(0) == 1
    assert accept(np.array([0.0, 1.0]), math.inf).all()


@given(st.floats(0, 1e6), st.floats(0, 1))
def test_the_edge_is_where_rationals_put_it_and_a_score_on_it_is_accepted(price, score):
    """Fractions know no rounding; the threshold itself is accepted, however it was rounded."""
    edge = threshold_of(price)
    exact = 1 / (1 + Fraction(price))
    for s in (score, edge, math.nextafter(edge, 2), math.nextafter(edge, -1)):
        wanted = Fraction(s) >= exact or s == edge
        assert accept(np.array([s]), price)[0] == wanted or abs(Fraction(s) - exact) < Fraction(1, 2**52)
    assert accept(np.array([edge, math.nextafter(edge, -1)]), price).tolist() == [True, False]


@pytest.mark.parametrize("price", [0.1, 0.5, 2, 5])
def test_every_job_accepts_a_score_on_the_threshold(price):
    """Flagging and applying once had a formula each, and disagreed at these prices."""
    assert flag.accept is changes.accept is accept
    assert accept(np.array([threshold_of(price)]), price)[0]


@pytest.mark.parametrize("price", [-1, math.nan])
def test_a_price_below_nothing_is_refused(price):
    with pytest.raises(InputError, match="0 or more"):
        threshold_of(price)


@given(st.integers(0, 2**32), st.booleans())
def test_fusion_pixel_by_pixel(seed, with_agreeing):
    random = np.random.default_rng(seed)
    bayes, ml = random.integers(0, 4, (2, 6, 7)).astype(np.uint8)
    labels = random.integers(0, 5, (6, 7))
    accepted, agreeing = np.array([1, 3]), np.array([4]) if with_agreeing else None
    found = fuse(bayes, ml, labels, accepted, agreeing=agreeing)
    taken = {1, 3} | ({4} if with_agreeing else set())
    for row in range(6):
        for col in range(7):
            source = ml if labels[row, col] in taken else bayes
            assert found[row, col] == source[row, col]
    assert found.dtype == np.uint8


def test_no_segment_is_never_taken():
    bayes, ml = np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)
    assert (fuse(bayes, ml, np.zeros((2, 2), int), np.array([0])) == bayes).all()
