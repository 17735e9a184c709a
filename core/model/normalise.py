"""Turns raw band values into what the network was trained on. Reading rasters lives in sources."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .card import SourceSpec


class Normaliser(nn.Module):
    """`(scale * x [- minimum of the window] - mean) / std` per band, missing values to 0 (the band's mean).

    With `window_min` the smallest valid value of each window and band is taken off first, so that a DEM
    becomes local relief (docs/science/methods.md section 1, "Inputs"). Run it in float32: a DEM of 2,500 m
    has a step of 16 m in bfloat16.
    """

    scale: Tensor
    mean: Tensor
    std: Tensor
    takes_minimum: Tensor

    def __init__(self, sources: Sequence[SourceSpec]):
        super().__init__()
        norms = [source.normalisation for source in sources]
        relief = [norm.kind == "window_min" for norm in norms for _ in norm.mean]
        self.any_relief = any(relief)
        self.register_buffer("takes_minimum", _per_band([float(r) for r in relief]))
        self.register_buffer("scale", _per_band([norm.scale for norm in norms for _ in norm.mean]))
        self.register_buffer("mean", _per_band([m for norm in norms for m in norm.mean]))
        self.register_buffer("std", _per_band([s for norm in norms for s in norm.std]))

    def forward(self, raw: Tensor) -> Tensor:
        """Normalise raw float32 `[B, n_bands, H, W]` with NaN where missing; same shape, no NaN."""
        missing = torch.isnan(raw)
        scaled = raw * self.scale
        if self.any_relief:  # the minimum of each window and band: (B, n_bands, 1, 1)
            lowest = torch.where(missing, torch.inf, scaled).amin(dim=(2, 3), keepdim=True)
            # A window without a valid pixel has no minimum; its values are all replaced below.
            lowest = torch.where(torch.isinf(lowest), 0.0, lowest)
            scaled = scaled - lowest * self.takes_minimum
        return torch.where(missing, 0.0, (scaled - self.mean) / self.std)


def _per_band(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1, 1)
