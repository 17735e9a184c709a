import pytest
import torch
from mce_landcover.core.model.torch_setup import segmentation_models
from mce_landcover.training.losses.cross_entropy import cross_entropy
from mce_landcover.training.losses.focal import FocalLoss, focal_loss
from torch import Tensor


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn((2, 3, 4, 5), generator=generator, dtype=torch.float64)
    return logits, torch.randint(0, 3, (2, 4, 5), generator=generator)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_equals_segmentation_models(batch: tuple[Tensor, Tensor], gamma: float) -> None:
    functional = segmentation_models().losses._functional
    expected = functional.softmax_focal_loss_with_logits(*batch, gamma=gamma)
    torch.testing.assert_close(focal_loss(*batch, gamma=gamma), expected)
    torch.testing.assert_close(FocalLoss(gamma)(*batch), expected)


def test_two_classes_are_the_binary_focal_loss(batch: tuple[Tensor, Tensor]) -> None:
    z, labels = batch[0][:, 0], batch[1].clamp(max=1)
    oracle = segmentation_models().losses.FocalLoss("binary", gamma=2.0)
    got = focal_loss(torch.stack([torch.zeros_like(z), z], dim=1), labels)
    torch.testing.assert_close(got, oracle(z, labels))


def test_gamma_0_is_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(focal_loss(*batch, gamma=0), cross_entropy(*batch))


def test_a_value_by_hand() -> None:
    """p_y = 0.8 and 0.5, weights 2 and 1: the mean of 2 * 0.2^2 * -log 0.8 and 0.5^2 * -log 0.5."""
    logits = torch.tensor([[0.8, 0.5], [0.2, 0.5]]).log().reshape(1, 2, 1, 2)
    labels = torch.tensor([[[0, 1]]])
    expected = (2 * 0.04 * 0.2231436 + 0.25 * 0.6931472) / 2
    assert FocalLoss(weights=(2.0, 1.0))(logits, labels).item() == pytest.approx(expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_gradient(batch: tuple[Tensor, Tensor], gamma: float) -> None:
    module = FocalLoss(gamma, weights=(0.25, 1.0, 3.0))
    assert torch.autograd.gradcheck(lambda z: module(z, batch[1]), batch[0].requires_grad_())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_certain_pixels_have_finite_gradients(gamma: float) -> None:
    logits = torch.tensor([[[[200.0]], [[-200.0]]]], requires_grad=True)
    focal_loss(logits, torch.tensor([[[0]]]), gamma=gamma).backward()
    assert logits.grad is not None and logits.grad.abs().max() < 1e-6
