"""Layer-wise relevance propagation (Bach et al. 2015) through any network of convolutions, linear layers,
batch norm, pooling, sums and concatenations. What is explained, and where, is decided elsewhere.
"""

import copy

import torch
from torch import Tensor, nn

from ..errors import ModelError
from .operations import RelevanceFlow
from .rules import Rules, composite_of, epsilon_plus_flat
from .survey import survey

#: How far merging batch norms may move the logits, relative to the largest.
_TOLERANCE = 1e-3


class Explainer:
    """Gives the relevance of every value of an input to chosen logits of one network.

    The network itself is not touched. Its batch norms are merged into the convolutions before them.
    `example_output` is what it gave for the example.
    """

    def __init__(self, network: nn.Module, example: Tensor, rules: Rules | None = None):
        """Look at the network with an example `[B, bands, H, W]` of its inputs.

        Raises:
            ModelError: if the network does something that relevance has no rule for.
        """
        self._network = copy.deepcopy(network).eval().requires_grad_(False)
        self._rules = rules or epsilon_plus_flat()
        with torch.no_grad():
            self.example_output = self._network(example.clone())
        self._composite = composite_of(survey(self._network, example), self._rules)
        self._require_same(example, self.example_output)

    def relevance(self, inputs: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return the relevance of the inputs to `sum(weights * logits)`, and the logits.

        In a network without biases the relevance sums up to that value; a bias keeps its own share.

        Args:
            inputs: normalised `[B, bands, H, W]`.
            weights: of the network's outputs, in their shape.

        Returns:
            Relevance `[B, bands, H, W]`, and the logits.
        """
        inputs = inputs.detach().clone().requires_grad_()
        flow = RelevanceFlow(self._rules.stabiliser, inputs if self._rules.flat else None)
        with torch.enable_grad(), self._composite.context(self._network):
            with flow:
                logits = self._network(inputs)
            (relevance,) = torch.autograd.grad(logits, inputs, weights * logits.detach())
        return relevance.detach(), logits.detach()

    def _require_same(self, example: Tensor, expected: Tensor) -> None:
        """Refuse a network that what was done to it changes: another one would be explained."""
        with self._composite.context(self._network), RelevanceFlow(self._rules.stabiliser):
            found = self._network(example.detach().clone().requires_grad_()).detach()
        if not torch.allclose(
            found, expected, rtol=_TOLERANCE, atol=_TOLERANCE * float(expected.abs().max())
        ):
            raise ModelError(
                "The network gives other logits once batch norms are merged and sums are new tensors, "
                "so it cannot be explained."
            )
