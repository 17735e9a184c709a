import itertools
import math
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from mce_landcover.training.losses.cross_entropy import cross_entropy
from mce_landcover.training.losses.seesaw import SeesawLoss, seesaw_factors, seesaw_loss
from torch import Tensor, distributed

COUNTS = torch.tensor([5000, 900, 0, 6])


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    logits = 3 * torch.randn((2, 4, 3, 5), generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 3, 5), generator=generator)
    labels[0, 1, :3] = 255
    return logits, labels


def by_hand(logits: Tensor, labels: Tensor, counts: list[int], p: float, q: float) -> float:
    """The loss as a loop over pixels and classes, without logarithms of the factors."""
    losses = []
    n_batch, n_classes, height, width = logits.shape
    for b, r, c in itertools.product(range(n_batch), range(height), range(width)):
        i = int(labels[b, r, c])
        if i == 255:
            continue
        z = [float(v) for v in logits[b, :, r, c]]
        s = [math.exp(v) / sum(math.exp(w) for w in z) for v in z]
        total = math.exp(z[i])
        for j in range(n_classes):
            if j != i:
                mitigation = min(1, (max(counts[j], 1) / max(counts[i], 1)) ** p)
                compensation = max(1, (s[j] / max(s[i], 0.01)) ** q)
                total += mitigation * compensation * math.exp(z[j])
        losses.append(-math.log(math.exp(z[i]) / total))
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("p", "q"), [(0.8, 2.0), (0.0, 2.0), (0.8, 0.0)])
def test_equals_loops(batch: tuple[Tensor, Tensor], p: float, q: float) -> None:
    expected = by_hand(*batch, COUNTS.tolist(), p, q)
    assert seesaw_loss(*batch, COUNTS, p=p, q=q).item() == pytest.approx(expected)


def test_without_both_factors_it_is_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(seesaw_loss(*batch, COUNTS, p=0, q=0), cross_entropy(*batch))


def test_gradient_flows_through_the_logits_and_not_the_factors(batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch
    logits.requires_grad_()
    known = labels.masked_fill(labels == 255, 0)
    factors = seesaw_factors(logits, known, COUNTS)
    (expected,) = torch.autograd.grad(cross_entropy(logits + factors, labels), logits)
    (got,) = torch.autograd.grad(seesaw_loss(logits, labels, COUNTS), logits)
    torch.testing.assert_close(got, expected)
    assert torch.autograd.gradcheck(lambda z: cross_entropy(z + factors, labels), logits)


def test_rare_classes_are_spared_by_frequent_ones_only() -> None:
    """Equal logits leave the mitigation alone: log S_ij = 0.8 log(N_j / N_i) where j is rarer."""
    labels = torch.tensor([[[0, 1]]])
    factors = seesaw_factors(torch.zeros(1, 2, 1, 2), labels, torch.tensor([1000, 10]))
    torch.testing.assert_close(factors[0, :, 0, 0], torch.tensor([0.0, 0.8 * math.log(0.01)]))
    assert factors[0, :, 0, 1].tolist() == [0, 0]


def test_pixels_are_counted_in_training_only_and_without_ignored_ones(batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch
    module = SeesawLoss(4)
    expected = torch.bincount(labels[labels != 255], minlength=4)
    module.eval()(logits, labels)
    assert module.counts.sum() == 0
    first = module.train()(logits, labels)
    assert torch.equal(module.counts, expected)
    torch.testing.assert_close(first, seesaw_loss(logits, labels, expected))
    module(logits, labels)
    assert torch.equal(module.state_dict()["counts"], 2 * expected)


def _count_half(rank: int, folder: str, labels: Tensor) -> None:
    store = distributed.FileStore(f"{folder}/store", 2)
    distributed.init_process_group(
        "gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    module = SeesawLoss(4)
    module(torch.zeros(1, 4, *labels.shape[1:]), labels[rank : rank + 1])
    torch.save(module.counts, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_processes_of_one_training_share_their_counts(batch: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    labels = batch[1]
    torch.multiprocessing.start_processes(_count_half, (str(tmp_path), labels), 2, start_method="fork")
    expected = torch.bincount(labels[labels != 255], minlength=4)
    for rank in range(2):
        assert torch.equal(torch.load(tmp_path / f"{rank}.pt", weights_only=True), expected)
