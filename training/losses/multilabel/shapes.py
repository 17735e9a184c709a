"""What the multi-label losses share: checks, precision and the type of their labels."""

from torch import Tensor

from ..pixels import full_precision


def prepared(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits in at least float32 and labels of the same type, both `[B, C]`.

    Raises:
        ValueError: unless both are `[B, C]`.
    """
    if logits.dim() != 2 or labels.shape != logits.shape:
        raise ValueError(
            f"logits and labels [B, C] needed, got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    z = full_precision(logits)
    return z, labels.to(z)
