import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import TrainingError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.training.data.cifar10 import ImageSet
from mce_landcover.training.experiments.metafusion.image_network import (
    FitSettings,
    ImageNetwork,
    NetworkSettings,
    fit_image_network,
    predict_images,
    shifted,
)

SMALL = NetworkSettings(stages=((4,), (8,)), hidden=8, dropout=(0.0, 0.0, 0.0), batch_norm=True)


def stripes(n: int, seed: int) -> ImageSet:
    """Class 0: horizontal stripes, 1: vertical ones, 2: none; on noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    wave = 60 * np.cos(np.arange(8) * np.pi / 2)
    images = rng.normal(128, 20, (n, 3, 8, 8))
    images[labels == 0] += wave[:, None]
    images[labels == 1] += wave
    return ImageSet(images.clip(0, 255).astype(np.uint8), labels)


def fit(
    samples: ImageSet, network: NetworkSettings = SMALL, seed: int = 3, **changes: object
) -> ImageNetwork:
    settings = FitSettings(epochs=4, batch_size=32, lr=1e-2, warmup=5, shift=1).model_copy(update=changes)
    return fit_image_network(
        samples, 3, network, settings, seed=seed, device="cpu", reporter=SilentReporter()
    )


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_learns_and_gives_log_probabilities(precision: str) -> None:
    test = stripes(200, 1)
    log_p = predict_images(fit(stripes(640, 0), precision=precision), test.images, batch_size=70)
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1)
    assert (log_p.argmax(1) == test.labels).mean() > 0.9


def test_the_same_seed_gives_the_same_network_and_leaves_the_global_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    samples = stripes(96, 0)
    dropout = SMALL.model_copy(update={"dropout": (0.2, 0.2, 0.2)})
    one, two = (fit(samples, dropout).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(
        one["layers.0.weight"], fit(samples, dropout, seed=4).state_dict()["layers.0.weight"]
    )


def test_the_papers_network_has_its_layers() -> None:
    """Figure 3: 2 x 32, pool, 2 x 64, pool, dense 512, 10 classes, on 32 x 32 pixels."""
    network = ImageNetwork(NetworkSettings(), 10, 32)
    shapes = [tuple(p.shape) for p in network.parameters() if p.dim() > 1]
    assert shapes == [(32, 3, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (512, 4096), (10, 512)]
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_pictures_are_moved_and_mirrored_as_a_whole() -> None:
    """Each result is one of the mirrored and shifted pictures, and each of these comes up."""
    picture = torch.arange(1, 3 * 4 * 5 + 1, dtype=torch.uint8).view(1, 3, 4, 5)
    moved = shifted(picture.expand(400, -1, -1, -1), 1, torch.Generator().manual_seed(0))
    possible = {}
    for flip in (False, True):
        padded = np.pad(
            np.flip(picture[0].numpy(), -1) if flip else picture[0].numpy(), ((0, 0), (1, 1), (1, 1))
        )
        for row in range(3):
            for col in range(3):
                possible[padded[:, row : row + 4, col : col + 5].tobytes()] = (flip, row, col)
    found = {possible[image.tobytes()] for image in moved.numpy()}
    assert found == set(possible.values()) and len(found) == 18


def test_divergence_is_one_sentence() -> None:
    with pytest.raises(TrainingError, match="diverged in epoch"):
        fit(stripes(64, 0), SMALL.model_copy(update={"batch_norm": False}), lr=1e30, warmup=0)
