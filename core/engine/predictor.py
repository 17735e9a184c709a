"""The one torch module that a device runs: from raw window to weighted expert logits. Devices live beside
it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..card import SourceSpec
from ..normalise import Normaliser
from ..windows import Lattice, blending_weights


class Predictor(nn.Module):
    """Normaliser, network and blending weights in one, so that compilers can fuse them.

    Normalising and weighting are in float32 always; only the network runs in the precision asked for.
    """

    weights: Tensor

    def __init__(self, sources: Sequence[SourceSpec], network: nn.Module, lattice: Lattice):
        super().__init__()
        self.normaliser = Normaliser(sources)
        self.weighted = WeightedNetwork(network, lattice)

    def forward(self, raw: Tensor) -> Tensor:
        """Map raw float32 `[N, n_bands, window, window]` (NaN = missing) to `[N, K C, window, window]`,
        float32.
        """
        return self.weighted(self.normaliser(raw))


class WeightedNetwork(nn.Module):
    """The network behind the normaliser and the weights that blend its windows."""

    weights: Tensor

    def __init__(self, network: nn.Module, lattice: Lattice):
        super().__init__()
        self.network = network
        self.register_buffer("weights", torch.from_numpy(blending_weights(lattice)))

    def forward(self, normalised: Tensor) -> Tensor:
        """Map normalised `[N, n_bands, window, window]` to `[N, K C, window, window]`, float32."""
        logits = self.network(normalised)  # (N, K, C, h, w)
        return logits.flatten(1, 2).float() * self.weights
