"""What the losses of one head share: the value of pixels without a label, checks, precision, and means over
labelled pixels."""

import torch
from torch import Tensor

IGNORE_INDEX = 255


def full_precision(logits: Tensor) -> Tensor:
    """Return the logits in at least float32: half precision loses what the losses of rare classes add up."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def check_shapes(logits: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless logits are `[B, C, H, W]` and labels `[B, H, W]`."""
    if logits.dim() != 4 or labels.shape != logits.shape[:1] + logits.shape[2:]:
        raise ValueError(
            f"logits [B, C, H, W] and labels [B, H, W] needed, got {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}"
        )


def split_labels(labels: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return the labels with 0 where there is none, and where there is one, `[B, H, W]` each."""
    valid = labels != ignore_index
    return labels.masked_fill(~valid, 0), valid


def at_labels(values: Tensor, known: Tensor) -> Tensor:
    """Return the value of each pixel's own channel: `[B, C, H, W]` at `[B, H, W]` gives `[B, H, W]`."""
    return values.gather(1, known.unsqueeze(1)).squeeze(1)


def labelled_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean of `[B, H, W]` over the valid pixels; exact zero, attached to the graph, of none."""
    return values.masked_fill(~valid, 0).sum() / valid.sum().clamp(min=1)
