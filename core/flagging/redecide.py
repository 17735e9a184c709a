"""Decides a run anew from its logits, with another alpha or with priors that differ from place to place (by
altitude, or from a raster of priors): one pass that writes a raster like `evidence.tif`.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window
from torch import Tensor

from ..base.errors import InputError, OutputError
from ..base.files import check_whole
from ..base.progress import Reporter
from ..geodata.cells import Floats, GridSource, ReadAhead, RegionReader, moved
from ..geodata.cog import WORK_PROFILE
from ..geodata.grid import Region, WorldGrid
from ..geodata.sources import open_source
from ..mapping.pipeline import NODATA_EVIDENCE
from ..model.card import Normalisation, SourceSpec
from ..model.classes import LandCoverClass
from ..model.decision import AltitudePriors, DecisionRule, decide, interpolated
from ..model.torch_setup import one_thread


def open_relief(files: Sequence[Path], grid: WorldGrid) -> "Relief | None":
    """Open an elevation model in metres, one file or a mosaic; None if it can no longer be read."""
    spec = SourceSpec(
        role="dem",
        bands=("height",),
        gsd_m=grid.gsd,
        unit="m",
        normalisation=Normalisation(mean=(0.0,), std=(1.0,)),
    )
    try:
        return Relief(GridSource(open_source(spec, files), spec, grid), grid.gsd)
    except InputError:
        return None


class Relief:
    """Altitude and slope of any region; a pixel has the same values whichever region it is read with."""

    def __init__(self, source: GridSource, gsd_m: float):
        self._reader = RegionReader(source, 1)
        self._gsd = gsd_m

    def read(self, region: Region) -> tuple[Floats, Floats]:
        """Return altitude in metres and slope in degrees `[h, w]` of a region of the world grid, NaN where
        there is none.

        Raises:
            InputError: if a file breaks while being read.
        """
        halo = Region(region.row0 - 1, region.row1 + 1, region.col0 - 1, region.col1 + 1)
        altitude = self._reader.read(halo)[0]
        return altitude[1:-1, 1:-1], slope_deg(altitude, self._gsd)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


def slope_deg(altitude: Floats, gsd_m: float) -> Floats:
    """Return the slope in degrees of the inner pixels `[h, w]` of altitudes `[h + 2, w + 2]`.

    Central differences; where a neighbour is missing, the difference to the other one; flat where both are.
    """
    squares = np.zeros((altitude.shape[0] - 2, altitude.shape[1] - 2))
    here = altitude[1:-1, 1:-1].astype(np.float64)
    for before, after in (
        (altitude[1:-1, :-2], altitude[1:-1, 2:]),
        (altitude[:-2, 1:-1], altitude[2:, 1:-1]),
    ):
        lost_before, lost_after = np.isnan(before), np.isnan(after)
        rise = np.where(lost_after, here, after) - np.where(lost_before, here, before)
        squares += (rise / (gsd_m * np.maximum(2 - lost_before - lost_after.astype(np.int64), 1))) ** 2
    return np.degrees(np.arctan(np.sqrt(squares))).astype(np.float32)


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


#: Pixels decided at once, so that intermediate results stay in the processor's cache.
_TILE_PX = 16_384
_SIDE = 512


def redecide(
    logits: Any,
    rule: DecisionRule,
    target: Path,
    reporter: Reporter,
    priors: PlacePriors | None = None,
) -> None:
    """Write the evidence that a rule gives, window by window.

    Args:
        logits: open dataset of the run's logits, `K C` bands, NaN where there are none.
        rule: aggregation and priors.
        target: GeoTIFF to write.
        reporter: told after each window; it may stop the work.
        priors: that differ from place to place, in the rule's place.

    Raises:
        InputError: if the logits break while being read.
        OutputError: if the disk does not take the raster.
    """
    profile = {
        **WORK_PROFILE,
        "width": logits.width,
        "height": logits.height,
        "count": rule.n_evidence,
        "dtype": "uint16",
        "nodata": NODATA_EVIDENCE,
        "crs": logits.crs,
        "transform": logits.transform,
    }
    whole = Region(0, logits.height, 0, logits.width)
    regions = [
        Region(row, row + _SIDE, col, col + _SIDE).intersect(whole)
        for row in range(0, logits.height, _SIDE)
        for col in range(0, logits.width, _SIDE)
    ]
    with (
        _disk(),
        rasterio.open(target, "w", **profile) as file,
        one_thread(),
        ReadAhead(partial(_read, logits), iter(regions)) as read,
    ):
        for done, region in enumerate(regions):
            reporter.progress(done, len(regions), "windows decided anew")
            values = read(region).reshape(rule.n_experts, len(rule.class_ids), -1)
            here = None if priors is None else priors.log_priors(region)
            evidence = _decide(torch.from_numpy(values), rule, here)
            file.write(evidence.reshape(-1, *region.shape), window=_window(region))
    check_whole(target)


def _decide(logits: Tensor, rule: DecisionRule, log_priors: Tensor | None) -> NDArray[np.uint16]:
    """Return evidence `[6 + K, N]` of logits `[K, C, N]`; NaN in them or in the priors gives nodata."""
    n = logits.shape[2]
    evidence = np.empty((rule.n_evidence, n), np.uint16)
    for start in range(0, n, _TILE_PX):
        part = slice(start, start + _TILE_PX)
        here = logits[:, :, part]
        missing = torch.isnan(here).flatten(0, 1).any(dim=0)
        priors = None if log_priors is None else log_priors[:, part]
        if priors is not None:
            missing |= torch.isnan(priors).any(dim=0)
            priors = torch.nan_to_num(priors)
        evidence[:, part] = decide(torch.nan_to_num(here), rule, priors).evidence.numpy()
        evidence[:, part][:, missing.numpy()] = NODATA_EVIDENCE
    return evidence


def _window(region: Region) -> Window:
    return Window(region.col0, region.row0, region.shape[1], region.shape[0])


def _read(dataset: Any, region: Region) -> NDArray[np.float32]:
    try:
        values: NDArray[np.float32] = dataset.read(window=_window(region))
    except RasterioError as error:
        raise InputError(f"{dataset.name} cannot be read to its end; map it again.") from error
    return values


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except (RasterioError, OSError) as error:
        raise OutputError(
            f"The folder for temporary files {tempfile.gettempdir()} does not take what is decided anew; "
            "free some space or set TMPDIR to another folder."
        ) from error


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that goes when it is left; raise OutputError if there can be none."""
    with _disk():
        return tempfile.TemporaryDirectory(prefix="mce-flag-", ignore_cleanup_errors=True)
