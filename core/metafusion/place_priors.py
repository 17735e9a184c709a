"""Priors that differ from place to place on a map: by altitude, or from a raster of priors. What they do to
a decision lives in `core/decision.py`.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..card import Normalisation, SourceSpec
from ..catalogue import LandCoverClass
from ..cells import GridSource
from ..errors import InputError
from ..grid import Region, WorldGrid
from ..priors import AltitudePriors, interpolated
from ..sources import open_source
from .regions import Floats, RegionReader, moved
from .relief import Relief

_PIECE = 1 << 20


class PlacePriors(Protocol):
    """Priors over the windows of a run's raster."""

    def log_priors(self, region: Region) -> Tensor:
        """Return float32 `[C, N]`, interpolated by alpha, NaN where they are unknown."""


class PriorsByAltitude:
    """Priors from a table of altitude bands."""

    def __init__(self, priors: AltitudePriors, alpha: float, relief: Relief, extent: Region):
        self._priors, self._alpha, self._relief, self._extent = priors, alpha, relief, extent

    def log_priors(self, region: Region) -> Tensor:
        """See `PlacePriors`."""
        altitude = self._relief.read(moved(region, self._extent))[0].ravel()
        shares = np.where(np.isnan(altitude), np.nan, self._priors.at(altitude))
        return torch.from_numpy(np.log(interpolated(shares, self._alpha)).astype(np.float32))


class PriorsFromRaster:
    """Priors from a raster with one band per class, in the classes' order; each pixel is scaled to sum 1."""

    def __init__(
        self, path: Path, classes: Sequence[LandCoverClass], alpha: float, grid: WorldGrid, extent: Region
    ):
        """Open the raster, of any CRS and resolution.

        Raises:
            InputError: if it cannot be read or has another number of bands.
        """
        spec = SourceSpec(
            role="priors",
            bands=tuple(c.name for c in classes),
            gsd_m=grid.gsd,
            normalisation=Normalisation(mean=(0.0,) * len(classes), std=(1.0,) * len(classes)),
        )
        self._path, self._alpha, self._extent = path, alpha, extent
        self._reader = RegionReader(GridSource(open_source(spec, [path]), spec, grid), len(classes))

    def log_priors(self, region: Region) -> Tensor:
        """See `PlacePriors`; InputError if a prior is not above 0."""
        shares = self._reader.read(moved(region, self._extent)).reshape(-1, region.size)
        self._check(shares)
        shares = shares.astype(np.float64)
        shares /= shares.sum(axis=0)
        return torch.from_numpy(np.log(interpolated(shares, self._alpha)).astype(np.float32))

    def _check(self, shares: Floats) -> None:
        if (shares <= 0).any():
            raise InputError(
                f"The raster of priors {self._path} has a value that is not above 0: nothing can be divided "
                "by it; raise the smallest priors a little."
            )

    def close(self) -> None:
        """Close the raster."""
        self._reader.close()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        InputError: if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise InputError(f"The priors {path} cannot be read; check the file.") from error
    return digest.hexdigest()
