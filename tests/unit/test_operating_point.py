"""Rules moved to where another one calls as many pixels rare."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.aggregation import aggregate
from mce_landcover.training.aggregators.operating_point import ShiftedRule, as_rare_as, rarity
from torch import Tensor, nn

COUNTS, TAIL, K = (9000, 700, 40, 20), (2, 3), 2
RESPONSIBLE = ((True, True, True, True), (False, False, True, True))


class First(nn.Module):
    """The first expert's log-probabilities."""

    def forward(self, logits: Tensor) -> Tensor:
        return logits[:, 0].log_softmax(1)


def tiles(seed: int, n: int = 3, side: int = 40) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 2, (K * len(COUNTS), side, side)).astype(np.float32) for _ in range(n)]


def n_tail(scores: Tensor) -> int:
    return int(np.isin(scores.argmax(1).numpy(), TAIL).sum())


@given(seed=st.integers(0, 99), name=st.sampled_from(["mean", "mean_responsible", "max"]))
def test_both_rules_call_as_many_pixels_rare(seed: int, name: str) -> None:
    """Counted again with every pixel, by the rules themselves."""
    logits = tiles(seed)
    shifted = as_rare_as(
        lambda z: aggregate(z, name, RESPONSIBLE),
        First(),
        logits,
        n_experts=K,
        tail=TAIL,
        pixel_counts=COUNTS,
    )
    stacked = torch.from_numpy(np.stack(logits)).unflatten(1, (K, -1))
    wanted, got = n_tail(aggregate(stacked, name, RESPONSIBLE)), n_tail(shifted(stacked))
    assert got == pytest.approx(wanted, abs=4 * wanted**0.5 * 2)  # a quarter of the pixels was looked at


def test_a_rule_that_is_the_reference_stays_where_it_is() -> None:
    shifted = as_rare_as(First(), First(), tiles(1), n_experts=K, tail=TAIL, pixel_counts=COUNTS)
    assert shifted.power == pytest.approx(0, abs=0.01)


def test_the_shift_is_the_log_of_the_inverse_share() -> None:
    assert rarity(COUNTS).tolist() == pytest.approx([np.log(sum(COUNTS) / n) for n in COUNTS], rel=1e-6)
    z = torch.from_numpy(np.stack(tiles(2))).unflatten(1, (K, -1))
    moved = ShiftedRule(First(), COUNTS, 0.5)(z) - First()(z)
    expected = 0.5 * rarity(COUNTS).view(1, -1, 1, 1)
    torch.testing.assert_close(moved, expected.expand_as(moved), rtol=1e-4, atol=1e-5)


def test_more_power_calls_more_pixels_rare() -> None:
    z = torch.from_numpy(np.stack(tiles(3))).unflatten(1, (K, -1))
    found = [n_tail(ShiftedRule(First(), COUNTS, p)(z)) for p in (-1.0, -0.3, 0.0, 0.3, 1.0)]
    assert found == sorted(found) and found[0] < found[-1]


def test_a_class_without_pixels_has_no_rarity() -> None:
    with pytest.raises(ValueError, match="every class"):
        rarity((1, 0))
