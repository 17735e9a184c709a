"""Networks that say which classes a tile holds (one of our own, those of papers 001 and 003, any of
timm's), and what their logits mean: scores, and probabilities by sigmoid or sparsemax.

Training them and judging them lives in training.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..base.errors import ModelError
from .card import Link, TileArchitecture, TileCard
from .torch_setup import declare_torchvision_operators


def sparsemax_tau(logits: Tensor) -> Tensor:
    """Return the threshold of each row, `[B, 1]`, of logits `[B, C]`: `sparsemax(z) = max(0, z - tau)`.

    Its derivative by z is 1 / |S| on the support S and 0 elsewhere, as autograd finds it.
    """
    z, _ = logits.sort(dim=1, descending=True)
    k = torch.arange(1, z.shape[1] + 1, device=z.device, dtype=z.dtype)
    excess = z.cumsum(dim=1) - 1  # (B, C)
    size = (k * z > excess).sum(dim=1, keepdim=True)  # of the support
    return excess.gather(1, size - 1) / size


def sparsemax(logits: Tensor) -> Tensor:
    """Return probabilities `[B, C]` of logits `[B, C]`: rows sum to 1, small ones are exactly 0."""
    return (logits - sparsemax_tau(logits)).clamp(min=0)


def decision_scores(logits: Tensor, link: Link) -> Tensor:
    """Return scores `[N, C]` of logits `[N, C]`: above 0 is predicted, and higher is surer.

    With `sigmoid` they are the logits; with `sparsemax` what logits exceed the threshold of their tile by, so
    that positive means a positive sparsemax.
    """
    return logits - sparsemax_tau(logits) if link == "sparsemax" else logits


def calibrated(scores: Tensor, calibration: Sequence[tuple[float, float]]) -> Tensor:
    """Return probabilities `[N, C]`, `sigmoid(slope * score + offset)`; plain sigmoids without pairs."""
    if not calibration:
        return torch.sigmoid(scores)
    slope, offset = torch.tensor(calibration, dtype=scores.dtype, device=scores.device).unbind(1)
    return torch.sigmoid(scores * slope + offset)


def any_of(probabilities: Tensor) -> Tensor:
    """Return the probability `[N]` that one or more of k classes `[N, k]` is there, were they independent."""
    return 1 - (1 - probabilities).prod(dim=1)


#: What timm raises for networks that it does not have or cannot build like this.
_BUILD_ERRORS = (KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError, AssertionError)
#: Width of the descriptor that each branch hands on.
_DESCRIPTOR = 128


class PatchCnn(nn.Sequential):
    """A small network that is quick on a CPU: a stem of 5 x 5 filters at every pixel or every second one,
    three stages of two 3 x 3 convolutions, each after a max-pool, then mean and maximum over the tile: its
    ground as a whole tells of a class, and so does the one corner that shows it.
    """

    #: Widths of the stages, in units of `width`.
    STAGES = (2, 3, 4)

    def __init__(self, n_bands: int, n_classes: int, arch: TileArchitecture):
        width = channels = arch.width
        layers = _norm_relu(nn.Conv2d(n_bands, width, 5, stride=arch.stem_stride, padding=2, bias=False))
        for factor in self.STAGES:
            layers.append(nn.MaxPool2d(2))
            for _ in range(2):
                layers += _norm_relu(nn.Conv2d(channels, factor * width, 3, padding=1, bias=False))
                channels = factor * width
        super().__init__(*layers, MeanAndMax(), nn.Dropout(arch.dropout), nn.Linear(2 * channels, n_classes))


class MeanAndMax(nn.Module):
    """Mean and maximum over all places, `[B, F, H, W]` to `[B, 2 F]`."""

    def forward(self, features: Tensor) -> Tensor:
        """Return both, means first."""
        return torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)


class ShortCnn(nn.Sequential):
    """The shallow network of paper 001 (its figure 3, from Sumbul et al. 2019): convolutions of 32 5x5,
    32 5x5 and 64 3x3 filters, a max-pool after the first two, one dense layer.

    With 3 bands, 120 px and 43 classes it has the 2,523,403 weights that the paper gives.
    """

    def __init__(self, n_bands: int, n_classes: int, window: int):
        last = window // 2 // 2
        super().__init__(
            *(nn.Conv2d(n_bands, 32, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(inplace=True)),
            nn.Flatten(),
            nn.Linear(64 * last * last, n_classes),
        )


class ThreeBranchCnn(nn.Module):
    """The network of paper 003: a branch for the bands of each pixel size (10, 20, 60 m of Sentinel-2), whose
    descriptors are joined by two layers of `width` units (1024 there).

    It is the first step of Sumbul and Demir 2020 but for that width. All bands come on the finest grid; each
    branch averages its bands back to their own pixels, which is exact where they were repeated.
    """

    #: Kernel sizes of a branch's convolutions, and after how many of them a max-pool follows.
    PLANS = (((5, 5, 3), 2), ((3, 3, 3), 1), ((2, 2, 2), 0))
    WIDTHS = ((32, 32, 64), (32, 32, 64), (32, 32, 32))

    def __init__(self, bands: Sequence[int], factors: Sequence[int], n_classes: int, window: int, width: int):
        super().__init__()
        self.bands, self.factors = tuple(bands), tuple(factors)
        self.branches = nn.ModuleList(
            _branch(n, kernels, widths, n_pools, window // factor)
            for n, factor, (kernels, n_pools), widths in zip(
                bands, factors, self.PLANS, self.WIDTHS, strict=True
            )
        )
        self.joint = nn.Sequential(
            *(nn.Linear(3 * _DESCRIPTOR, width), nn.ReLU(inplace=True), nn.Dropout(0.5)),
            *(nn.Linear(width, width), nn.ReLU(inplace=True), nn.Dropout(0.5)),
            nn.Linear(width, n_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised `[B, n_bands, window, window]` to logits `[B, C]`."""
        parts = x.split(self.bands, dim=1)
        own = [F.avg_pool2d(p, f) if f > 1 else p for p, f in zip(parts, self.factors, strict=True)]
        found = [branch(part) for branch, part in zip(self.branches, own, strict=True)]
        logits: Tensor = self.joint(torch.cat(found, dim=1))
        return logits


def build_tile_network(card: TileCard, *, pretrained: bool = False, seed: int = 0) -> nn.Module:
    """Build the network of a card, in training mode: normalised `[B, n_bands, window, window]` -> `[B, C]`.

    Args:
        pretrained: asks timm for weights, which it downloads; others always start at random.
        seed: of the random weights; the global random state is left as it was.

    Raises:
        ModelError: if timm has no such network, or the sources or the window do not suit it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        arch, n_classes = card.architecture, len(card.classes)
        if arch.kind == "timm":
            return _of_timm(card, pretrained)
        if arch.kind == "three_branch":
            return _three_branches(card)
        if card.window < 16:
            raise ModelError(
                f"A window of {card.window} pixels is too small for {arch.kind}; take 16 or more."
            )
        if arch.kind == "short_cnn":
            network: nn.Module = ShortCnn(card.n_bands, n_classes, card.window)
        else:
            network = PatchCnn(card.n_bands, n_classes, arch)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        return network


def _three_branches(card: TileCard) -> ThreeBranchCnn:
    factors = [round(source.gsd_m / card.gsd_m) for source in card.sources]
    fits = all(abs(s.gsd_m / card.gsd_m - f) < 1e-6 for s, f in zip(card.sources, factors, strict=True))
    if len(factors) != 3 or not fits or factors != sorted(factors) or any(card.window % f for f in factors):
        raise ModelError(
            "The three-branch network needs three sources, finest first, whose pixels are whole multiples of "
            "the card's and divide its window; choose another network or other sources."
        )
    bands = [len(source.bands) for source in card.sources]
    return ThreeBranchCnn(bands, factors, len(card.classes), card.window, card.architecture.width)


def _of_timm(card: TileCard, pretrained: bool) -> nn.Module:
    declare_torchvision_operators()
    import timm

    arch = card.architecture
    assert arch.encoder is not None
    more: dict[str, Any] = {"global_pool": arch.pooling} if arch.pooling != "avg" else {}
    if arch.dropout:
        more["drop_rate"] = arch.dropout
    try:
        if getattr(timm.get_pretrained_cfg(arch.encoder), "fixed_input_size", False):
            more["img_size"] = card.window
        network: nn.Module = timm.create_model(
            arch.encoder, pretrained=pretrained, num_classes=len(card.classes), in_chans=card.n_bands, **more
        )
    except _BUILD_ERRORS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise ModelError(
            f"The encoder {arch.encoder!r} is unknown to timm or cannot be used like this ({reason}); choose "
            "another encoder."
        ) from error
    return network


def _branch(
    n_bands: int, kernels: Sequence[int], widths: Sequence[int], n_pools: int, side: int
) -> nn.Sequential:
    """Return three convolutions with batch norm and dropout, and a dense layer to the descriptor."""
    layers: list[nn.Module] = []
    for i, (kernel, width) in enumerate(zip(kernels, widths, strict=True)):
        layers += _norm_relu(nn.Conv2d(n_bands, width, kernel, padding="same", bias=False))
        if i < n_pools:
            layers.append(nn.MaxPool2d(2))
            side //= 2
        layers.append(nn.Dropout(0.25))
        n_bands = width
    dense = nn.Linear(widths[-1] * side * side, _DESCRIPTOR)
    return nn.Sequential(*layers, nn.Flatten(), dense, nn.ReLU(inplace=True), nn.Dropout(0.5))


def _norm_relu(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True)]
