import numpy as np
import pytest
import torch
from mce_landcover.core.evaluation.scores import confusion_matrix, scores
from mce_landcover.core.model.torch_setup import segmentation_models
from mce_landcover.training.losses.lovasz import LovaszSoftmax, jaccard_steps, lovasz_softmax
from torch import Tensor
from torch.nn import functional as F


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn((2, 4, 5, 6), generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 5, 6), generator=generator)  # class 3 has no label
    labels[0, 0, :4] = 255
    return logits, labels


def test_equals_segmentation_models(batch: tuple[Tensor, Tensor]) -> None:
    logits, labels = batch[0].float(), batch[1]  # all that the other one takes
    expected = segmentation_models().losses.LovaszLoss("multiclass", ignore_index=255)(logits, labels)
    torch.testing.assert_close(lovasz_softmax(logits, labels), expected)
    torch.testing.assert_close(LovaszSoftmax()(logits, labels), expected)


@pytest.mark.parametrize("seed", range(5))
def test_one_hot_predictions_cost_one_minus_iou(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, said = rng.integers(0, 3, (2, 1, 8, 9)).astype(np.uint8)
    logits = 1e3 * F.one_hot(torch.from_numpy(said).long(), 3).movedim(-1, 1).double()
    expected = 1 - scores(confusion_matrix(truth, said, [0, 1, 2])).mean_iou
    assert lovasz_softmax(logits, torch.from_numpy(truth).long()).item() == pytest.approx(expected)


def test_one_pixel_of_one_class_costs_what_it_lacks() -> None:
    """With a single pixel the union is one pixel, whatever is wrong: the loss is 1 - p_y."""
    logits = torch.tensor([0.7, 0.3]).log().reshape(1, 2, 1, 1)
    assert lovasz_softmax(logits, torch.zeros(1, 1, 1, dtype=torch.long)).item() == pytest.approx(0.3)


def test_steps_sum_up_to_the_lost_jaccard_index() -> None:
    own = torch.rand((5, 40), generator=torch.Generator().manual_seed(0)) < 0.3
    lost = jaccard_steps(own).cumsum(1)
    for row, sums in zip(own, lost, strict=True):
        for k in range(1, 41):
            wrong = torch.arange(40) < k
            kept = (row & ~wrong).sum() / (row | wrong).sum()
            assert sums[k - 1].item() == pytest.approx(1 - kept.item(), abs=1e-6)


def test_gradient(batch: tuple[Tensor, Tensor]) -> None:
    assert torch.autograd.gradcheck(lambda z: lovasz_softmax(z, batch[1]), batch[0].requires_grad_())
