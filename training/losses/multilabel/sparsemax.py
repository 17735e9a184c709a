"""The sparsemax loss for several labels (Martins and Astudillo 2016; docs/science/methods.md section 4; paper
003, eq. 6).

A label is predicted where sparsemax gives it more than 0, that is where its logit exceeds tau. A network
trained so always predicts at least one label.
"""

import torch
from torch import Tensor, nn

from ....core.model.tile_network import sparsemax_tau
from .shapes import prepared


def multilabel_sparsemax(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over samples of `-q.z + 1/2 sum_S (z^2 - tau^2) + 1/2 |q|^2`, `q = y / |y|_1`.

    S is the support of sparsemax(z), tau its threshold. The paper prints y for q, with which the loss is
    unbounded below once a sample has two labels. With q it is at least 0, and its gradient is
    `sparsemax(z) - q`. A sample without labels has no q: it counts as 0, attached to the graph.

    Args:
        logits: `[B, C]`.
        labels: `[B, C]`, 0 or 1.

    Raises:
        ValueError: if shapes do not fit.
    """
    z, y = prepared(logits, labels)
    z = z - z.detach().amax(dim=1, keepdim=True)  # changes nothing but the rounding of large logits
    n = y.sum(dim=1, keepdim=True)
    q = y / n.clamp(min=1)
    tau = sparsemax_tau(z)
    squares = torch.where(z > tau, (z - tau) * (z + tau), 0).sum(dim=1)
    loss = -(q * z).sum(dim=1) + squares / 2 + q.square().sum(dim=1) / 2
    return torch.where(n.squeeze(1) > 0, loss, 0 * loss).mean()


class MultilabelSparsemax(nn.Module):
    """`multilabel_sparsemax`."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of `[B, C]` logits and labels."""
        return multilabel_sparsemax(logits, labels)
