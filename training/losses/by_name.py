"""The losses of single-head networks by the names that configurations use."""

from collections.abc import Callable, Sequence

from torch import nn

from ...core.base.errors import InputError
from ..requests import LossName
from .cdfl import CrossDropoutFocalLoss
from .cross_entropy import CrossEntropy, balanced, class_balanced, inverse_frequency
from .focal import FocalLoss
from .lovasz import LovaszSoftmax
from .seesaw import SeesawLoss


def loss_by_name(name: LossName, pixel_counts: Sequence[int], tile_pixels: int) -> nn.Module:
    """Return the module of a loss with the settings of docs/science/methods.md.

    All take logits `[B, C, H, W]` and labels `[B, H, W]`; the `cdfl` ones take the variance of
    `dropout_variance` too.

    Args:
        pixel_counts: `[C]` labelled pixels of the training set, in channel order.
        tile_pixels: pixels of a tile; `cb` counts in tiles.

    Raises:
        InputError: if there is no such loss, or it needs pixels of a class that has none.
    """
    makers: dict[str, Callable[[], nn.Module]] = {
        "ce": CrossEntropy,
        "wce": lambda: CrossEntropy(inverse_frequency(pixel_counts)),
        "cb": lambda: CrossEntropy(class_balanced(pixel_counts, tile_pixels)),
        "balanced": lambda: CrossEntropy(balanced(pixel_counts)),
        "seesaw": lambda: SeesawLoss(len(pixel_counts)),
        "focal": FocalLoss,
        "lovasz": LovaszSoftmax,
        "cdfl": CrossDropoutFocalLoss,
        "cdfl_normalized": lambda: CrossDropoutFocalLoss(normalize=True),
    }
    if name not in makers:
        raise InputError(f"There is no loss {name!r}: choose one of {', '.join(makers)}.")
    return makers[name]()
