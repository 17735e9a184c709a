"""A small convolutional network that classifies pictures, and its training. Which pictures, and what is done
with its probabilities, is the experiment's business."""

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ....core.base.errors import TrainingError
from ....core.base.progress import Reporter
from ...config import Section
from ...data.cifar10 import ImageSet
from ...module import cosine_factor


class NetworkSettings(Section):
    """Stages of 3x3 convolutions with a max-pool of 2 after each, then a dense layer.

    The paper's network (figure 3) is `stages` 32 32 | 64 64, `hidden` 512, `dropout` .25 .25 .5 and a stem of
    pixels; batch norm learns in fewer epochs. A stem of patches halves the sides at once.
    """

    stem: Literal["pixels", "patches"] = "pixels"
    stages: tuple[tuple[int, ...], ...] = ((32, 32), (64, 64))
    hidden: int = Field(default=512, ge=0)  # 0: maximum over all positions, then the logits
    dropout: tuple[float, ...] = (0.25, 0.25, 0.5)  # after each stage, and before the logits
    batch_norm: bool = False


class FitSettings(Section):
    """How an image network is trained: Adam, learning rate along half a cosine."""

    epochs: int = Field(gt=0)
    batch_size: int = Field(default=128, gt=1)
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = 0.0
    warmup: int = 50
    shift: int = 4  # pictures are moved by up to this many pixels, and mirrored
    precision: Literal["fp32", "bf16"] = "fp32"


class ImageNetwork(nn.Module):
    """Maps pictures float `[B, 3, H, W]` to logits `[B, C]`."""

    def __init__(self, settings: NetworkSettings, n_classes: int, side: int):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage, widths in enumerate(settings.stages):
            for index, width in enumerate(widths):
                patches = settings.stem == "patches" and stage == index == 0
                layers += _convolution(channels, width, patches, settings.batch_norm)
                side, channels = side // (2 if patches else 1), width
            layers += [nn.MaxPool2d(2), nn.Dropout(settings.dropout[stage])]
            side //= 2
        if settings.hidden:
            layers += [nn.Flatten(), nn.Linear(channels * side**2, settings.hidden), nn.ReLU(inplace=True)]
        else:
            layers += [nn.AdaptiveMaxPool2d(1), nn.Flatten()]
        layers += [nn.Dropout(settings.dropout[-1]), nn.Linear(settings.hidden or channels, n_classes)]
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits `[B, C]`."""
        logits: Tensor = self.layers(pictures)
        return logits


def fit_image_network(
    samples: ImageSet,
    n_classes: int,
    network: NetworkSettings,
    settings: FitSettings,
    *,
    seed: int,
    device: str,
    reporter: Reporter,
) -> ImageNetwork:
    """Train a network by cross-entropy from random weights; the last epoch counts, there is no validation.

    Raises:
        TrainingError: if the loss stops being a number.
        Cancelled: if the reporter says so.
    """
    with torch.random.fork_rng(devices=[torch.device(device)] if device != "cpu" else []):
        torch.manual_seed(seed)
        model = ImageNetwork(network, n_classes, samples.images.shape[-1])
        model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        rng = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(model.parameters(), settings.lr, weight_decay=settings.weight_decay)
        images = torch.from_numpy(samples.images).to(device)
        labels = torch.from_numpy(samples.labels).to(device)
        batches = len(labels) // settings.batch_size
        steps = settings.epochs * batches
        for epoch in range(settings.epochs):
            order = torch.randperm(len(labels), generator=rng).to(device)
            for batch in range(batches):
                chosen = order[batch * settings.batch_size : (batch + 1) * settings.batch_size]
                factor = cosine_factor(epoch * batches + batch, steps, settings.warmup)
                optimizer.param_groups[0]["lr"] = settings.lr * factor
                pictures = shifted(images[chosen], settings.shift, rng)
                loss = _loss(model, _normalised(pictures), labels[chosen], settings.precision)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
            if not math.isfinite(loss.item()):
                raise TrainingError(f"The training diverged in epoch {epoch + 1}; lower the learning rate.")
            reporter.progress(epoch + 1, settings.epochs, "epochs")
    return model.eval()


def predict_images(
    model: ImageNetwork, images: NDArray[np.uint8], batch_size: int = 500
) -> NDArray[np.float64]:
    """Return log-probabilities float64 `[N, C]` of pictures uint8 `[N, 3, H, W]`."""
    device = next(model.parameters()).device
    found = []
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            batch = torch.from_numpy(images[start : start + batch_size]).to(device)
            found.append(model(_normalised(batch)).double().log_softmax(dim=1).cpu().numpy())
    return np.concatenate(found)


def _convolution(channels: int, width: int, patches: bool, batch_norm: bool) -> list[nn.Module]:
    size, stride = (4, 2) if patches else (3, 1)
    layer = nn.Conv2d(channels, width, size, stride, padding=1, bias=not batch_norm)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return [layer, *([nn.BatchNorm2d(width)] if batch_norm else []), nn.ReLU(inplace=True)]


def _normalised(pictures: Tensor) -> Tensor:
    """Bring bytes to about zero mean and unit scale."""
    return ((pictures.float() - 127.5) / 64).contiguous(memory_format=torch.channels_last)


def shifted(pictures: Tensor, shift: int, rng: torch.Generator) -> Tensor:
    """Mirror half of the pictures and move each by up to `shift` pixels; what comes in from outside is 0."""
    n, _, height, width = pictures.shape
    mirrored = torch.rand(n, generator=rng) < 0.5
    rows = torch.randint(0, 2 * shift + 1, (n, 1, 1, 1), generator=rng) + torch.arange(height).view(
        1, 1, -1, 1
    )
    cols = torch.arange(width).view(1, 1, 1, -1)
    cols = torch.where(mirrored.view(-1, 1, 1, 1), cols.flip(-1), cols)
    cols = cols + torch.randint(0, 2 * shift + 1, (n, 1, 1, 1), generator=rng)
    padded = F.pad(pictures, (shift, shift, shift, shift))
    at = (rows * (width + 2 * shift) + cols).to(pictures.device)  # (B, 1, H, W)
    return padded.flatten(2).gather(2, at.expand(-1, 3, -1, -1).flatten(2)).view_as(pictures)


def _loss(model: ImageNetwork, pictures: Tensor, labels: Tensor, precision: str) -> Tensor:
    with torch.autocast(pictures.device.type, torch.bfloat16, enabled=precision == "bf16"):
        logits = model(pictures)
    return F.cross_entropy(logits.float(), labels)
