"""The multi-label losses by the names that configurations use, and how each one's logits become decisions."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from torch import nn

from ....core.base.errors import InputError
from ....core.model.card import Link
from .elementwise import (
    MultilabelBce,
    MultilabelFocal,
    MultilabelHamming,
    MultilabelHuber,
    inverse_label_frequency,
)
from .ranking import MultilabelLsep, MultilabelRanking
from .sparsemax import MultilabelSparsemax

MultilabelLossName = Literal["bce", "focal", "wbce", "hamming", "huber", "ranking", "sparsemax", "lsep"]
#: The seven of paper 003; `lsep` is an option beside `ranking`.
PAPER_LOSSES: tuple[MultilabelLossName, ...] = get_args(MultilabelLossName)[:7]


def multilabel_loss(name: MultilabelLossName, label_counts: Sequence[int], n_samples: int) -> nn.Module:
    """Return the module of a loss; all take logits and labels `[B, C]`.

    Args:
        label_counts: training samples that have each label, `[C]`; `wbce` weighs by them.
        n_samples: training samples in all.

    Raises:
        InputError: if there is no such loss, or it needs samples of a label that has none.
    """
    makers: dict[str, Callable[[], nn.Module]] = {
        "bce": MultilabelBce,
        "focal": MultilabelFocal,
        "wbce": lambda: MultilabelBce(inverse_label_frequency(label_counts, n_samples)),
        "hamming": MultilabelHamming,
        "huber": MultilabelHuber,
        "ranking": MultilabelRanking,
        "sparsemax": MultilabelSparsemax,
        "lsep": MultilabelLsep,
    }
    if name not in makers:
        raise InputError(f"There is no multi-label loss {name!r}: choose one of {', '.join(makers)}.")
    return makers[name]()


def link_of(name: MultilabelLossName) -> Link:
    """Return what the logits of a network trained with this loss stand for; see `core/model/card.py`."""
    return "sparsemax" if name == "sparsemax" else "sigmoid"
