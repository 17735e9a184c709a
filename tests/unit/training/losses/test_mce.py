import itertools

import pytest
import torch
from mce_landcover.training.losses.mce import MceLoss, mce_loss, mce_terms
from torch import Tensor
from torch.nn import functional as F

RESPONSIBLE = ((True, True, True, True), (False, True, True, False), (False, False, True, False))
SHAPE = (2, 3, 4, 3, 5)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 3, 5), generator=generator)
    labels[0, 0, :3] = 255
    return logits, labels


def by_hand(logits: Tensor, labels: Tensor, complement: str) -> tuple[list[float], list[float]]:
    """Both terms written as loops over pixels."""
    n_batch, n_experts, n_classes, height, width = logits.shape
    classification, complementary = [], []
    for i in range(n_experts):
        entropies, squares, n_valid = [], 0.0, 0
        for b, r, c in itertools.product(range(n_batch), range(height), range(width)):
            z, y = logits[b, i, :, r, c], int(labels[b, r, c])
            if y == 255:
                continue
            n_valid += 1
            if RESPONSIBLE[i][y]:
                entropies.append(float(-(z - z.logsumexp(0))[y]))
            if complement == "pixels" and not RESPONSIBLE[i][y]:
                squares += float((z**2).sum())
            if complement == "channels":
                squares += sum(float(z[k]) ** 2 for k in range(n_classes) if not RESPONSIBLE[i][k])
        divisor = n_batch * height * width * n_classes if complement == "pixels" else n_valid
        classification.append(sum(entropies) / len(entropies) if entropies else 0.0)
        complementary.append(squares / divisor if entropies else 0.0)
    return classification, complementary


@pytest.mark.parametrize("complement", ["pixels", "channels"])
@pytest.mark.parametrize("missing", [None, 2, 1])
def test_equals_loops(batch: tuple[Tensor, Tensor], complement: str, missing: int | None) -> None:
    logits, labels = batch
    if missing is not None:
        labels = labels.masked_fill((labels == 2) | (labels == missing), 0)
    terms = mce_terms(logits, labels, RESPONSIBLE, complement=complement)
    expected = by_hand(logits, labels, complement)
    for got, want in zip(terms, expected, strict=True):
        torch.testing.assert_close(got, torch.tensor(want, dtype=torch.float64))
    loss = mce_loss(logits, labels, RESPONSIBLE, complement=complement, complement_weight=0.3)
    assert loss.item() == pytest.approx(sum(expected[0]) + 0.3 * sum(expected[1]))


@pytest.mark.parametrize("weight", [0.0, 0.1, 2.5])
def test_the_weight_of_rare_experts_leaves_the_first_alone(
    batch: tuple[Tensor, Tensor], weight: float
) -> None:
    logits, labels = batch
    classification, complementary = by_hand(logits, labels, "pixels")
    weights = [1.0, *([weight] * (len(classification) - 1))]
    terms = zip(weights, classification, complementary, strict=True)
    loss = mce_loss(logits, labels, RESPONSIBLE, complement_weight=0.3, rare_weight=weight)
    assert loss.item() == pytest.approx(sum(w * (a + 0.3 * b) for w, a, b in terms))


def test_classification_is_a_weighted_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch
    terms = mce_terms(logits, labels, RESPONSIBLE)
    for i, row in enumerate(RESPONSIBLE):
        weight = torch.tensor(row, dtype=torch.float64)
        expected = F.cross_entropy(logits[:, i], labels, weight=weight, ignore_index=255)
        torch.testing.assert_close(terms.classification[i], expected)


def test_one_expert_is_plain_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch
    loss = mce_loss(logits[:, :1], labels, RESPONSIBLE[:1])
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, 0], labels, ignore_index=255))


@pytest.mark.parametrize("complement", ["pixels", "channels"])
@pytest.mark.parametrize("fill", [0, 255])
def test_no_pixel_of_an_expert_gives_attached_exact_zeros(complement: str, fill: int) -> None:
    logits = torch.randn(SHAPE, requires_grad=True)
    labels = torch.full((2, 3, 5), fill)
    terms = mce_terms(logits, labels, RESPONSIBLE, complement=complement)
    assert torch.stack(terms)[:, 1:].eq(0).all()
    mce_loss(logits, labels, RESPONSIBLE, complement=complement).backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all()
    assert logits.grad[:, 1:].eq(0).all()
    assert logits.grad[:, 0].eq(0).all() == (fill == 255)


@pytest.mark.parametrize("complement", ["pixels", "channels"])
def test_gradient(batch: tuple[Tensor, Tensor], complement: str) -> None:
    logits, labels = batch
    module = MceLoss(RESPONSIBLE, complement=complement, complement_weight=0.5)
    assert torch.autograd.gradcheck(lambda z: module(z, labels), logits.requires_grad_())


@pytest.mark.parametrize("complement", ["pixels", "channels"])
def test_ignored_pixels_change_nothing(batch: tuple[Tensor, Tensor], complement: str) -> None:
    logits, labels = batch
    other = torch.where((labels == 255)[:, None, None], logits + 7, logits)
    same = [mce_loss(z, labels, RESPONSIBLE, complement=complement) for z in (logits, other)]
    torch.testing.assert_close(*same)


def test_half_precision_is_computed_in_float32(batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch
    half = logits.bfloat16()
    assert torch.equal(mce_loss(half, labels, RESPONSIBLE), mce_loss(half.float(), labels, RESPONSIBLE))


def test_module_is_the_function(batch: tuple[Tensor, Tensor]) -> None:
    assert torch.equal(MceLoss(RESPONSIBLE)(*batch), mce_loss(*batch, RESPONSIBLE))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"complement": "both"}, "not 'pixels' or 'channels'"),
        ({"labels": torch.zeros(2, 5, 3, dtype=torch.long)}, "labels"),
        ({"responsible": RESPONSIBLE[:2]}, "2 experts x 4 classes do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(batch: tuple[Tensor, Tensor], change: dict, says: str) -> None:
    arguments = {"logits": batch[0], "labels": batch[1], "responsible": RESPONSIBLE} | change
    with pytest.raises(ValueError, match=says):
        mce_loss(**arguments)
