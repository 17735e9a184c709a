"""The relevance of all pixels around a place, from the windows that `predict` sees it in. Files are written
in `files.py`.

A blended logit is a weighted sum over windows, and relevance is linear in what it is seeded with. So the
relevance to the blended logits of a place is the sum over the same windows on the same lattice, each seeded
with its weights: what is explained is the number that the map was decided by, and a place may be larger than
a window.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..base.errors import InputError
from ..base.progress import Reporter
from ..geodata.grid import Region
from ..mapping.reader import Strip, StripReader
from ..mapping.windows import Lattice, blending_weights
from ..model.card import SourceSpec
from ..model.normalise import Normaliser
from .lrp import Explainer, epsilon_plus_flat
from .region import Ground, Place


@dataclass(frozen=True)
class Target:
    """The logit that is explained: of an expert (from 0) for a class channel, less that of `against`.

    A network that looks at tiles as a whole has no experts.
    """

    expert: int | None
    channel: int
    against: int | None = None

    @property
    def signs(self) -> dict[int, float]:
        """Channel -> 1, or -1 for the one it is compared with."""
        return {self.channel: 1.0} | ({} if self.against is None else {self.against: -1.0})


@dataclass(frozen=True, eq=False)
class Heat:
    """Relevance on the grid.

    Attributes:
        region: the pixels of all windows that were run, as far as the rasters reach.
        by_source: role -> float32 `[h, w]`, summed over the source's bands; NaN where a source has no value.
        logit: mean of what is explained over the place's pixels with values; over its tiles, where the
            network looks at those.
        n_pixels: of these.
        inside: share of the absolute relevance that lies within the place.
        n_windows: how many were run.
    """

    region: Region
    by_source: Mapping[str, NDArray[np.float32]]
    logit: float
    n_pixels: int
    inside: float
    n_windows: int

    @property
    def total(self) -> NDArray[np.float32]:
        """Relevance of all sources together, `[h, w]`."""
        summed: NDArray[np.float32] = np.sum(list(self.by_source.values()), axis=0, dtype=np.float32)
        return summed

    @property
    def shares(self) -> dict[str, float]:
        """Role -> its share of the absolute relevance."""
        sums = {role: float(np.nansum(np.abs(values))) for role, values in self.by_source.items()}
        return {role: value / (sum(sums.values()) or 1.0) for role, value in sums.items()}


def heat_of_place(
    network: nn.Module,
    ground: Ground,
    specs: Sequence[SourceSpec],
    place: Place,
    target: Target,
    *,
    device: torch.device,
    reporter: Reporter,
) -> Heat:
    """Explain the logits of a network over a place, or those of the tiles that it touches.

    Memory holds the region of the windows, one row of windows, and one pass of the network. `specs` are the
    model's sources.

    Raises:
        InputError: if no pixel of the place has values in all sources.
        ModelError: if relevance has no rule for the network.
    """
    lattice = ground.lattice
    work = _Work(network, specs, lattice, place=place, target=target, device=device)
    rows = lattice.touching(place.region.row0, place.region.row1)
    cols = lattice.touching(place.region.col0, place.region.col1)
    seen = Region(
        lattice.origin(rows[0]),
        lattice.origin(rows[-1]) + lattice.window,
        lattice.origin(cols[0]),
        lattice.origin(cols[-1]) + lattice.window,
    ).intersect(ground.region)
    canvas = np.zeros((len(specs), *seen.shape), np.float32)
    valid = np.zeros(seen.shape, np.bool_)
    done = 0
    with (
        closing(StripReader(ground.sources, lattice, threads=2)) as reader,
        reader.strips(place.region) as strips,
    ):
        for strip in strips:
            _paste(valid, seen, strip.valid, strip.region)
            for col in cols:
                reporter.progress(done, len(rows) * len(cols), "windows")
                window, relevance = work.explain(strip, col)
                if relevance is not None:
                    _add(canvas, seen, relevance, window)
                done += 1
    reporter.progress(done, done, "windows")
    if work.n_windows == 0:
        raise InputError("No pixel of the place has values in all rasters, so there is nothing to explain.")
    inside = _share_inside(canvas.sum(axis=0), seen, place)
    canvas[:, ~valid] = np.nan
    counted = _cut(place.mask, place.region, seen) & _cut(valid, seen, place.region.intersect(seen))
    n_pixels = int(counted.sum())
    by_source = {spec.role: values for spec, values in zip(specs, canvas, strict=True)}
    logit = work.logit_sum / (work.n_windows if target.expert is None else n_pixels)
    return Heat(seen, by_source, logit, n_pixels, inside, work.n_windows)


class _Work:
    """Explains one window after the other, and adds up the logits."""

    def __init__(
        self,
        network: nn.Module,
        specs: Sequence[SourceSpec],
        lattice: Lattice,
        *,
        place: Place,
        target: Target,
        device: torch.device,
    ):
        self._network = network.to(device)
        self._normaliser = Normaliser(specs).to(device)
        self._explainer: Explainer | None = None
        self._blend = blending_weights(lattice)
        self._n_bands = [len(spec.bands) for spec in specs]
        self._lattice, self._place, self._target, self._device = lattice, place, target, device
        self.logit_sum = 0.0
        self.n_windows = 0

    def explain(self, strip: Strip, col: int) -> tuple[Region, NDArray[np.float32] | None]:
        """Return the window, and its relevance by source `[S, window, window]`; None where it has no part in
        the place.
        """
        left, side = self._lattice.origin(col), self._lattice.window
        window = Region(strip.region.row0, strip.region.row1, left, left + side)
        columns = slice(left - strip.region.col0, left - strip.region.col0 + side)
        part = np.zeros((side, side), np.bool_)
        _paste(part, window, self._place.mask, self._place.region)
        part &= strip.valid[:, columns]
        if not part.any():
            return window, None
        raw = torch.from_numpy(np.ascontiguousarray(strip.values[None, :, :, columns])).to(self._device)
        relevance = self._relevance(self._normaliser(raw), part)
        return window, relevance

    def _relevance(self, inputs: Tensor, part: NDArray[np.bool_]) -> NDArray[np.float32]:
        if self._explainer is None:
            self._explainer = Explainer(self._network, inputs, epsilon_plus_flat(self._n_bands))
        weights = torch.zeros_like(self._explainer.example_output)  # (1, K, C, h, w), or (1, C)
        for channel, sign in self._target.signs.items():
            if self._target.expert is None:
                weights[0, channel] = sign
            else:
                weights[0, self._target.expert, channel] = torch.from_numpy(sign * self._blend * part)
        relevance, logits = self._explainer.relevance(inputs, weights)
        self.logit_sum += float((weights * logits).sum())
        self.n_windows += 1
        by_source = torch.stack([bands.sum(dim=0) for bands in relevance[0].split(self._n_bands)])
        values: NDArray[np.float32] = by_source.float().cpu().numpy()
        return values


def _share_inside(total: NDArray[np.float32], seen: Region, place: Place) -> float:
    inside = np.zeros(seen.shape, np.bool_)
    _paste(inside, seen, place.mask, place.region)
    size = np.abs(total)
    return float(size[inside].sum() / (size.sum() or 1.0))


def _cut(mask: NDArray[np.bool_], region: Region, part: Region) -> NDArray[np.bool_]:
    """Return what a mask of `region` has of `part`."""
    return mask[region.intersect(part).slices_in(region)]


def _paste(target: NDArray[np.bool_], region: Region, mask: NDArray[np.bool_], at: Region) -> None:
    """Copy what a mask of the region `at` has of `region`."""
    both = region.intersect(at)
    if both.size:
        target[both.slices_in(region)] = mask[both.slices_in(at)]


def _add(canvas: NDArray[np.float32], region: Region, values: NDArray[np.float32], at: Region) -> None:
    """Add `values` `[S, ...]` of the region `at` to a canvas of `region`."""
    both = region.intersect(at)
    if both.size:
        canvas[:, *both.slices_in(region)] += values[:, *both.slices_in(at)]
