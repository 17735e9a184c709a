"""What all losses of one head must hold; what each is lives in its own test module."""

from collections.abc import Callable

import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.training.losses.by_name import LossName, loss_by_name
from torch import Tensor, nn

NAMES = LossName.__args__
COUNTS = (5000, 900, 70, 6)
SHAPE = (2, 4, 3, 5)
Loss = Callable[[Tensor, Tensor], Tensor]


@pytest.fixture(params=NAMES)
def loss(request: pytest.FixtureRequest) -> Loss:
    """Each loss as a function of logits and labels; the variance is a fixed one, the counts are COUNTS."""
    module = loss_by_name(request.param, COUNTS, tile_pixels=100).eval()
    if request.param == "seesaw":
        module.counts += torch.tensor(COUNTS)
    if request.param.startswith("cdfl"):
        variance = torch.rand(SHAPE, generator=torch.Generator().manual_seed(3), dtype=torch.float64) / 4
        return lambda logits, labels: module(logits, labels, variance)
    return module


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 3, 5), generator=generator)
    labels[0, 0, :3] = 255
    return logits, labels


def test_ignored_pixels_change_nothing(loss: Loss, batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch
    other = torch.where((labels == 255)[:, None], 7 - logits.flip(1), logits)
    torch.testing.assert_close(loss(other, labels), loss(logits, labels))


def test_an_unlabelled_batch_gives_an_attached_exact_zero(loss: Loss, batch: tuple[Tensor, Tensor]) -> None:
    logits = batch[0].requires_grad_()
    value = loss(logits, torch.full_like(batch[1], 255))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None and logits.grad.eq(0).all()


def test_right_logits_cost_next_to_nothing_and_wrong_ones_much(
    loss: Loss, batch: tuple[Tensor, Tensor]
) -> None:
    labels = batch[1]
    known = labels.masked_fill(labels == 255, 0)
    right = 30.0 * nn.functional.one_hot(known, 4).movedim(-1, 1)
    assert loss(right, labels).item() < 1e-5
    assert loss(-right, labels).item() > 0.9


def test_half_precision_is_computed_in_float32(loss: Loss, batch: tuple[Tensor, Tensor]) -> None:
    half = batch[0].bfloat16()
    value = loss(half, batch[1])
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(half.float(), batch[1]))


def test_extreme_logits_give_finite_gradients(loss: Loss, batch: tuple[Tensor, Tensor]) -> None:
    logits = (1e4 * batch[0].float()).requires_grad_()
    loss(logits, batch[1]).backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all()


def test_shapes_that_do_not_fit_are_refused(loss: Loss, batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch
    with pytest.raises(ValueError, match=r"labels \[B, H, W\] needed"):
        loss(logits, labels.movedim(1, 2))
    with pytest.raises(ValueError, match=r"logits \[B, C, H, W\]"):
        loss(logits[0], labels)


def test_there_is_no_other_loss() -> None:
    with pytest.raises(InputError, match=r"no loss 'dice': choose one of ce, wce, cb, balanced"):
        loss_by_name("dice", COUNTS, 100)  # type: ignore[arg-type]
