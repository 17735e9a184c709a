"""Decides a run anew from its logits, with another alpha or with priors by place: one pass that writes a
raster like `evidence.tif`. Reading it lives in `pixels.py`.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window
from torch import Tensor

from ..decision import DecisionRule, decide
from ..engine.pipeline import NODATA_EVIDENCE
from ..errors import InputError, OutputError
from ..geotiff import check_whole
from ..grid import Region
from ..progress import Reporter
from ..torch_setup import one_thread
from .ahead import ReadAhead
from .place_priors import PlacePriors

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
        "driver": "GTiff",
        "width": logits.width,
        "height": logits.height,
        "count": rule.n_evidence,
        "dtype": "uint16",
        "nodata": NODATA_EVIDENCE,
        "crs": logits.crs,
        "transform": logits.transform,
        "tiled": True,
        "blockxsize": _SIDE,
        "blockysize": _SIDE,
        "compress": "zstd",
        "zstd_level": 1,
        "bigtiff": "if_safer",
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
