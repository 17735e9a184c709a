"""The loss of multiple complementary experts (docs/science/methods.md section 1; MCE paper eq. 2 to 4): one
function, one thin module. No aggregated output has a loss."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .cross_entropy import IGNORE_INDEX, full_precision, split_labels

Complement = Literal["pixels", "channels"]


class MceTerms(NamedTuple):
    """Both terms of every expert, `[K]` each."""

    classification: Tensor
    complementary: Tensor


def mce_terms(
    logits: Tensor,
    labels: Tensor,
    responsible: Sequence[Sequence[bool]],
    *,
    complement: Complement = "pixels",
    ignore_index: int = IGNORE_INDEX,
) -> MceTerms:
    """Return L_cls,i and L_com,i of every expert i, responsible for the classes C_i.

    `L_cls,i` is the mean over pixels with a label in C_i of the cross-entropy over all C channels, that is
    `F.cross_entropy(z_i, y, weight=1[c in C_i], ignore_index=...)`. `L_com,i` holds the logits down where the
    expert has nothing to say:

    - `pixels` (the authors' code): `1/(B H W C)` times the sum of squared logits, over all channels, at
      labelled pixels whose label is not in C_i;
    - `channels` (eq. 3 read literally, with the misprinted minus as a plus): the mean over labelled pixels of
      the squared logits of the channels outside C_i.

    Without a pixel of C_i both terms of expert i are exactly zero, yet attached to the graph. Half precision
    is computed in float32.

    Args:
        logits: `[B, K, C, H, W]`.
        labels: `[B, H, W]` int64, channel of the true class, or `ignore_index`.
        responsible: `[K][C]`.

    Raises:
        ValueError: if shapes do not fit or `complement` is unknown.
    """
    _check(logits, labels, responsible, complement)
    table = torch.tensor(responsible, dtype=torch.bool, device=logits.device)  # (K, C)
    z = full_precision(logits)
    known, valid = split_labels(labels, ignore_index)  # (B, H, W) each
    classification, complementary = [], []
    for z_i, answers in zip(z.unbind(1), table, strict=True):  # (B, C, H, W), (C,)
        own = answers[known] & valid
        weight = answers.to(z.dtype)
        summed = F.cross_entropy(z_i, labels, weight=weight, ignore_index=ignore_index, reduction="sum")
        classification.append(summed / own.sum().clamp(min=1))
        squares = z_i.square()
        if complement == "pixels":
            held_down = (squares.sum(1) * (valid & ~own)).sum() / squares.numel()
        else:
            outside = (squares * (1 - weight).view(1, -1, 1, 1)).sum(1)
            held_down = (outside * valid).sum() / valid.sum().clamp(min=1)
        complementary.append(held_down * own.any())
    return MceTerms(torch.stack(classification), torch.stack(complementary))


def mce_loss(
    logits: Tensor,
    labels: Tensor,
    responsible: Sequence[Sequence[bool]],
    *,
    complement: Complement = "pixels",
    complement_weight: float = 1.0,
    rare_weight: float = 1.0,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Return `L = sum_i w_i (L_cls,i + lambda L_com,i)`; see `mce_terms`.

    Args:
        complement_weight: lambda.
        rare_weight: `w_i` of all experts but the first, 1 in the paper. Adam takes the same steps whatever
            a loss is multiplied by, so less than 1 slows no expert down: it gives expert 1 more of the
            backbone that they share.
    """
    terms = mce_terms(logits, labels, responsible, complement=complement, ignore_index=ignore_index)
    first, *others = terms.classification + complement_weight * terms.complementary
    return first + rare_weight * sum(others)


class MceLoss(nn.Module):
    """`mce_loss` with its settings."""

    def __init__(
        self,
        responsible: Sequence[Sequence[bool]],
        complement: Complement = "pixels",
        complement_weight: float = 1.0,
        rare_weight: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ):
        super().__init__()
        self.responsible = responsible
        self.complement: Complement = complement
        self.complement_weight, self.rare_weight = complement_weight, rare_weight
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, K, C, H, W]` logits and `[B, H, W]` labels."""
        return mce_loss(
            logits,
            labels,
            self.responsible,
            complement=self.complement,
            complement_weight=self.complement_weight,
            rare_weight=self.rare_weight,
            ignore_index=self.ignore_index,
        )


def _check(logits: Tensor, labels: Tensor, responsible: Sequence[Sequence[bool]], complement: str) -> None:
    if complement not in ("pixels", "channels"):
        raise ValueError(f"complement is {complement!r}, not 'pixels' or 'channels'")
    if logits.dim() != 5 or labels.shape != logits.shape[:1] + logits.shape[3:]:
        raise ValueError(
            f"logits [B, K, C, H, W] and labels [B, H, W] needed, got {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}"
        )
    if (len(responsible), len(responsible[0])) != tuple(logits.shape[1:3]):
        raise ValueError(
            f"{len(responsible)} experts x {len(responsible[0])} classes do not fit logits "
            f"{tuple(logits.shape)}"
        )
