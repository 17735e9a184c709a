import pytest
import torch
from mce_landcover.training.losses.cross_entropy import CrossEntropy, cross_entropy
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
