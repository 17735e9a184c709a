"""Cross dropout focal loss (docs/science/methods.md section 3; the CDFL paper, eq. 4 to 6): cross-entropy
plus a term that weights pixels by how much dropout moves their prediction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from ...core.base.errors import InputError
from ...core.model.network import MceNetwork
from .cross_entropy import (
    IGNORE_INDEX,
    at_labels,
    check_shapes,
    cross_entropy,
    full_precision,
    labelled_mean,
    split_labels,
)

#: The largest variance that numbers between 0 and 1 can have.
LARGEST_VARIANCE = 0.25


def cdfl_loss(
    logits: Tensor,
    labels: Tensor,
    variance: Tensor,
    *,
    alpha: float = 0.75,
    gamma: float = 2.0,
    omega: float = 0.01,
    normalize: bool = False,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Return `mean_p[-log p_y] + omega * mean_p[-alpha u_y^gamma log p_y]` over labelled pixels.

    As printed, eq. 5 has no label and eq. 6 adds a sum to a mean; this is the form with both terms of the
    true class and both means. With the paper's values the second term of a pixel is at most 4.7e-4 of the
    first (a variance is at most 1/4): next to nothing. `normalize` divides u by that 1/4, so that it lies in
    0..1 like the factor of the focal loss that it replaces.

    Args:
        logits: `[B, C, H, W]`.
        labels: `[B, H, W]` int64, channel of the true class, or `ignore_index`.
        variance: `[B, C, H, W]`, u, of `dropout_variance`; no gradient flows into it.

    Raises:
        ValueError: if shapes do not fit.
    """
    check_shapes(logits, labels)
    if variance.shape != logits.shape:
        raise ValueError(f"variance {tuple(variance.shape)} does not fit logits {tuple(logits.shape)}")
    known, valid = split_labels(labels, ignore_index)
    z = full_precision(logits)
    u = at_labels(variance.detach().to(z), known) / (LARGEST_VARIANCE if normalize else 1)
    focal = -alpha * u**gamma * at_labels(z.log_softmax(1), known)  # (B, H, W)
    return cross_entropy(z, labels, ignore_index=ignore_index) + omega * labelled_mean(focal, valid)


@torch.no_grad()
def dropout_variance(network: nn.Module, x: Tensor, *, passes: int = 5) -> Tensor:
    """Return `mean_t p_t^2 - (mean_t p_t)^2` of the softmax over passes with dropout, without a gradient.

    Only dropout is active: batch norms use and keep their running statistics. Afterwards every module is in
    the mode it was in. Dropout draws from torch's global random state, as it does in training.

    Args:
        network: maps x to logits `[..., C, H, W]`.
        passes: T, at least 2.

    Returns:
        The shape of the logits, at least float32, 0..1/4.

    Raises:
        InputError: if the network has no dropout layer that drops anything: the loss would be a
            cross-entropy under another name.
    """
    if passes < 2:
        raise ValueError(f"a variance needs at least 2 passes, got {passes}")
    with _only_dropout(network):
        again = _repeated(network, x)
        mean = deviation = torch.zeros((), device=x.device)
        for t in range(1, passes + 1):  # Welford's update: two large squares would cancel
            p = full_precision(again()).softmax(-3)
            step = p - mean
            mean = mean + step / t
            deviation = deviation + step * (p - mean)
    return deviation / passes


def _repeated(network: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """Return a pass over x to be done again and again: what comes before any dropout is done once."""
    if isinstance(network, MceNetwork) and not _dropouts(network.encoder):
        features, height, width = network.encode(x), int(x.shape[-2]), int(x.shape[-1])
        return lambda: network.decide(features, height, width)
    return lambda: network(x)


def _dropouts(network: nn.Module) -> list[_DropoutNd]:
    """Return the dropout layers that drop anything."""
    return [m for m in network.modules() if isinstance(m, _DropoutNd) and m.p > 0]


@contextmanager
def _only_dropout(network: nn.Module) -> Iterator[None]:
    """Set dropout layers to training mode and all else to evaluation mode, for a while."""
    dropouts = _dropouts(network)
    if not dropouts:
        raise InputError(
            "The network has no active dropout layer, which the cross dropout focal loss is made of; choose "
            "a decoder with dropout or another loss."
        )
    modes = {module: module.training for module in network.modules()}
    try:
        network.eval()
        for dropout in dropouts:
            dropout.train()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


class CrossDropoutFocalLoss(nn.Module):
    """`cdfl_loss` with its settings; `passes` is for whoever calls `dropout_variance`."""

    def __init__(
        self,
        *,
        alpha: float = 0.75,
        gamma: float = 2.0,
        omega: float = 0.01,
        normalize: bool = False,
        passes: int = 5,
        ignore_index: int = IGNORE_INDEX,
    ):
        super().__init__()
        self.alpha, self.gamma, self.omega, self.normalize = alpha, gamma, omega, normalize
        self.passes, self.ignore_index = passes, ignore_index

    def forward(self, logits: Tensor, labels: Tensor, variance: Tensor) -> Tensor:
        """Return the loss of `[B, C, H, W]` logits and variance, and `[B, H, W]` labels."""
        return cdfl_loss(
            logits,
            labels,
            variance,
            alpha=self.alpha,
            gamma=self.gamma,
            omega=self.omega,
            normalize=self.normalize,
            ignore_index=self.ignore_index,
        )
