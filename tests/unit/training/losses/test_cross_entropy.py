import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.base.errors import InputError
from mce_landcover.training.losses.cross_entropy import (
    CrossEntropy,
    balanced,
    class_balanced,
    cross_entropy,
    inverse_frequency,
)
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = (0.5, 3.0, 0.0, 1.25)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn((2, 4, 3, 5), generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 3, 5), generator=generator)
    labels[1, :, 2] = 255
    return logits, labels


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_equals_torch(batch: tuple[Tensor, Tensor], weights: tuple[float, ...] | None) -> None:
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    expected = F.cross_entropy(*batch, weight=weight, ignore_index=255)
    torch.testing.assert_close(cross_entropy(*batch, weight), expected)
    torch.testing.assert_close(CrossEntropy(weights)(*batch), expected)


def test_only_ratios_of_weights_count(batch: tuple[Tensor, Tensor]) -> None:
    weights = torch.tensor(WEIGHTS)
    torch.testing.assert_close(cross_entropy(*batch, 17 * weights), cross_entropy(*batch, weights))


def test_equal_logits_cost_the_log_of_the_number_of_classes() -> None:
    labels = torch.arange(6).reshape(1, 2, 3) % 4
    assert cross_entropy(torch.zeros(1, 4, 2, 3), labels).item() == pytest.approx(
        torch.log(torch.tensor(4.0))
    )


def test_labels_of_weight_0_alone_give_zero(batch: tuple[Tensor, Tensor]) -> None:
    assert cross_entropy(batch[0], torch.full_like(batch[1], 2), torch.tensor(WEIGHTS)).item() == 0


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_gradient(batch: tuple[Tensor, Tensor], weights: tuple[float, ...] | None) -> None:
    module = CrossEntropy(weights)
    assert torch.autograd.gradcheck(lambda z: module(z, batch[1]), batch[0].requires_grad_())


COUNTS = st.lists(st.integers(1, 10**10), min_size=1, max_size=12)


def test_values_by_hand() -> None:
    assert inverse_frequency([60, 30, 10]) == pytest.approx([10 / 6, 10 / 3, 10])
    assert balanced([60, 30, 10]) == pytest.approx([0.4, 0.7, 0.9])
    raw = np.array([0.5 / (1 - 0.5**2), 0.5 / (1 - 0.5**1), 0.5 / (1 - 0.5**0.25)])
    assert class_balanced([200, 100, 25], 100, beta=0.5) == pytest.approx(3 * raw / raw.sum())


@given(counts=COUNTS)
def test_weighted_pixels_of_all_classes_are_equal_under_inverse_frequency(counts: list[int]) -> None:
    weighed = np.array(inverse_frequency(counts)) * counts
    np.testing.assert_allclose(weighed, sum(counts))


@given(counts=COUNTS)
def test_balanced_weights_sum_to_one_class_less(counts: list[int]) -> None:
    assert sum(balanced(counts)) == pytest.approx(len(counts) - 1)


@given(counts=COUNTS, tile=st.integers(1, 10**6), beta=st.sampled_from([0.0, 0.9, 0.9999, 1 - 1e-9]))
def test_class_balanced_lies_between_equal_and_inverse_frequency(
    counts: list[int], tile: int, beta: float
) -> None:
    weights = np.array(class_balanced(counts, tile, beta=beta))
    assert weights.sum() == pytest.approx(len(counts))
    order = np.argsort(counts)
    assert (np.diff(weights[order]) <= 1e-9).all()  # the rarer, the heavier
    rarest, inverse = order[0], np.array(inverse_frequency(counts))
    assert (weights / weights[rarest] >= inverse / inverse[rarest] - 1e-9).all()  # but never more than 1/n


def test_class_balanced_ends_at_inverse_frequency_and_at_equal_weights() -> None:
    counts = [40_000_000, 400_000, 8_000]
    inverse = np.array(inverse_frequency(counts))
    assert class_balanced(counts, 40_000, beta=1 - 1e-12) == pytest.approx(3 * inverse / inverse.sum())
    assert class_balanced(counts, 40_000, beta=0) == [1, 1, 1]
    in_pixels = class_balanced(counts, 1, beta=0.99)  # why n counts tiles, not pixels
    assert in_pixels == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("weigh", [inverse_frequency, lambda n: class_balanced(n, 100)])
def test_a_class_without_pixels_has_no_weight(weigh) -> None:
    with pytest.raises(InputError, match="logit channel 1 has no training pixel"):
        weigh([5, 0, 3])


def test_nothing_to_weigh_is_refused() -> None:
    with pytest.raises(InputError, match="no labelled pixel"):
        balanced([0, 0])
    with pytest.raises(ValueError, match="beta"):
        class_balanced([1, 2], 1, beta=1.0)
