import torch
from mce_landcover.core.model.tile_network import any_of, calibrated, decision_scores, sparsemax
from torch import Tensor


def logits() -> Tensor:
    return 2 * torch.randn((40, 6), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_positive_scores_are_positive_probabilities() -> None:
    z = logits()
    assert torch.equal(decision_scores(z, "sigmoid") > 0, z.sigmoid() > 0.5)
    assert torch.equal(decision_scores(z, "sparsemax") > 0, sparsemax(z) > 0)


def test_calibrated() -> None:
    z = logits()
    pairs = [(0.5, 1.0), (2.0, 0.0), (1.0, -3.0), (0.0, 0.0), (1.0, 0.0), (3.0, 2.0)]
    expected = torch.stack([torch.sigmoid(a * z[:, c] + b) for c, (a, b) in enumerate(pairs)], dim=1)
    torch.testing.assert_close(calibrated(z, pairs), expected)
    torch.testing.assert_close(calibrated(z, ()), z.sigmoid())


def test_any_of() -> None:
    p = torch.tensor([[0.5, 0.5], [0.0, 0.3], [1.0, 0.2], [0.0, 0.0]])
    torch.testing.assert_close(any_of(p), torch.tensor([0.75, 0.3, 1.0, 0.0]))
