"""Every multi-label loss against its oracle of docs/science/methods.md section 4, and at the edges."""

import entmax
import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import InputError
from mce_landcover.core.model.torch_setup import declare_torchvision_operators
from mce_landcover.training.losses.multilabel import (
    PAPER_LOSSES,
    MultilabelLoss,
    inverse_label_frequency,
    link_of,
    multilabel_bce,
    multilabel_focal,
    multilabel_hamming,
    multilabel_huber,
    multilabel_loss,
    multilabel_lsep,
    multilabel_ranking,
    multilabel_sparsemax,
)
from sklearn.linear_model._sgd_fast import ModifiedHuber
from sklearn.metrics import hamming_loss
from torch import Tensor
from torch.nn import functional as F

ALL = (*PAPER_LOSSES, "lsep")
COUNTS, N = (900, 40, 3, 500, 120), 1000


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Seven samples of five labels: among them one without a label and one with all."""
    generator = torch.Generator().manual_seed(2)
    labels = torch.rand((7, 5), generator=generator) < 0.5
    labels[0], labels[1] = False, True
    return 2 * torch.randn((7, 5), generator=generator, dtype=torch.float64), labels


def close(got: Tensor, expected: object) -> None:
    torch.testing.assert_close(got, torch.as_tensor(expected, dtype=got.dtype), atol=1e-6, rtol=0)


def test_bce(batch: tuple[Tensor, Tensor]) -> None:
    z, y = batch
    close(multilabel_bce(z, y), F.binary_cross_entropy_with_logits(z, y.double()))


def test_wbce(batch: tuple[Tensor, Tensor]) -> None:
    z, y = batch
    frequency = N / np.array(COUNTS)
    weights = torch.from_numpy(frequency / frequency.mean())
    got = multilabel_loss("wbce", COUNTS, N)(z, y)
    close(got, F.binary_cross_entropy_with_logits(z, y.double(), weight=weights))
    assert np.mean(inverse_label_frequency(COUNTS, N)) == pytest.approx(1)


def test_focal(batch: tuple[Tensor, Tensor]) -> None:
    declare_torchvision_operators()
    from torchvision.ops import sigmoid_focal_loss

    z, y = batch
    close(multilabel_focal(z, y), sigmoid_focal_loss(z, y.double(), alpha=-1, gamma=2, reduction="mean"))
    close(multilabel_focal(z, y, gamma=0), multilabel_bce(z, y))


def test_hamming(batch: tuple[Tensor, Tensor]) -> None:
    """Where p is hard, it is scikit-learn's Hamming loss of the decisions."""
    z, y = batch
    close(multilabel_hamming(1e7 * z, y), hamming_loss(y.numpy(), (z > 0).numpy()))
    close(multilabel_hamming(z, y), (y.double() - z.sigmoid()).abs().mean())


def test_huber(batch: tuple[Tensor, Tensor]) -> None:
    z, y = batch
    oracle = ModifiedHuber()
    values = [
        oracle.py_loss(2.0 * t - 1, p)
        for t, p in zip(y.flatten().tolist(), z.flatten().tolist(), strict=True)
    ]
    close(multilabel_huber(z, y), np.mean(values))


def test_ranking(batch: tuple[Tensor, Tensor]) -> None:
    z, y = batch
    targets = torch.full(y.shape, -1)  # torch wants the indices of the labels, then -1
    for row, own in enumerate(y):
        targets[row, : int(own.sum())] = own.nonzero().flatten()
    close(multilabel_ranking(z, y), F.multilabel_margin_loss(z, targets) * y.shape[1])


def test_lsep_by_brute_force_and_as_a_smooth_maximum(batch: tuple[Tensor, Tensor]) -> None:
    z, y = batch
    rows = []
    for scores, own in zip(z, y, strict=True):
        pairs = [scores[v] - scores[u] for u in own.nonzero() for v in (~own).nonzero()]
        rows.append(float(torch.stack(pairs).exp().sum().log1p()) if pairs else 0.0)
    close(multilabel_lsep(z, y), np.mean(rows))
    close(multilabel_lsep(1e4 * z, y) / 1e4, max_difference(z, y))


def max_difference(z: Tensor, y: Tensor) -> float:
    worst = [
        max([0.0, *((s[v] - s[u]).item() for u in o.nonzero() for v in (~o).nonzero())])
        for s, o in zip(z, y, strict=True)
    ]
    return float(np.mean(worst))


def test_the_gradient_of_sparsemax_is_the_difference_of_distributions(batch: tuple[Tensor, Tensor]) -> None:
    z, y = batch[0].requires_grad_(), batch[1]
    (gradient,) = torch.autograd.grad(multilabel_sparsemax(z, y), z)
    q = y / y.sum(dim=1, keepdim=True).clamp(min=1)
    expected = (entmax.sparsemax(z, dim=1) - q) / len(y)  # of a mean over samples
    expected[0] = 0  # without labels there is no q
    close(gradient, expected)


def test_sparsemax_equals_entmax_for_one_label() -> None:
    z = torch.randn((20, 6), generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    target = torch.arange(20) % 6
    oracle = entmax.SparsemaxLoss(reduction="elementwise_mean")(z, target)
    close(multilabel_sparsemax(z, F.one_hot(target, 6)), oracle)


def test_sparsemax_is_bounded_below_however_large_the_logits() -> None:
    """With y for q, as printed, the loss of two labels falls by 1 with every unit of both logits."""
    y = torch.tensor([[1.0, 1.0, 0.0]])
    for size in (0.0, 1.0, 10.0, 1e3, 1e5):
        loss = multilabel_sparsemax(size * y, y)
        assert loss.item() >= -1e-6
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert multilabel_sparsemax(-1e5 * y, y).item() > 1e4


@pytest.mark.parametrize("name", ALL)
def test_gradients(batch: tuple[Tensor, Tensor], name: str) -> None:
    module = multilabel_loss(name, COUNTS, N)  # type: ignore[arg-type]
    assert torch.autograd.gradcheck(lambda z: module(z, batch[1]), batch[0].requires_grad_())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("fill", [False, True])
def test_rows_with_no_and_with_all_labels(name: str, fill: bool) -> None:
    z = torch.tensor([[0.5, -1.0, 3.0, 0.0, 0.2]], requires_grad=True)
    loss = multilabel_loss(name, COUNTS, N)(z, torch.full((1, 5), fill))  # type: ignore[arg-type]
    loss.backward()
    assert torch.isfinite(loss) and loss >= 0
    assert z.grad is not None and torch.isfinite(z.grad).all()
    if name in ("ranking", "lsep") or (name == "sparsemax" and not fill):
        assert loss == 0 and not z.grad.any()
    else:
        assert z.grad.any()


@pytest.mark.parametrize("name", ALL)
def test_right_logits_cost_less_than_wrong_ones_and_stay_finite(name: str) -> None:
    y = torch.tensor([[1, 0, 1, 0, 0]])
    sure = 50.0 * (2 * y - 1)
    module = multilabel_loss(name, COUNTS, N)  # type: ignore[arg-type]
    for dtype in (torch.float32, torch.bfloat16):
        right, wrong = module(sure.to(dtype), y), module(-sure.to(dtype), y)
        assert right.dtype == torch.float32
        assert right.item() == pytest.approx(0, abs=1e-3) and 0.9 <= wrong.item() < torch.inf
    z = sure.clone().requires_grad_()
    module(z, y).backward()
    assert z.grad is not None and torch.isfinite(z.grad).all()


def test_the_classes_of_a_batch_are_weighed_on_their_device() -> None:
    module = MultilabelLoss(multilabel_bce, (1.0, 2.0)).double()
    assert module.weights is not None and module.weights.dtype == torch.float64
    assert not module.state_dict()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"\[B, C\] needed"):
        multilabel_bce(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"\[B, C\] needed"):
        multilabel_ranking(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1))
    with pytest.raises(InputError, match="no multi-label loss 'dice'"):
        multilabel_loss("dice", COUNTS, N)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="class of logit 1 has no training sample"):
        multilabel_loss("wbce", (3, 0, 2), 5)


def test_links() -> None:
    assert link_of("sparsemax") == "sparsemax" and {link_of(n) for n in PAPER_LOSSES[:-1]} == {"sigmoid"}
