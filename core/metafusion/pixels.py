"""Reads the pixels of a finished run as segments are made of them: the ML rule's classes and heat maps, and
the layers behind our own features. Nothing is decided about segments here.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window
from torch import Tensor

from ..decision import EVIDENCE_STEPS, decide
from ..engine.pipeline import NODATA_EVIDENCE
from ..errors import InputError
from ..grid import Region, WorldGrid
from ..priors import AltitudePriors, check_alpha, interpolated
from ..record import RunRecord, read_record
from ..segment_stream import PixelBlock
from .features import Layer
from .relief import Relief, open_relief

IGNORED = 255
#: Pixels decided at once, so that intermediate results stay in the processor's cache.
_TILE_PX = 16_384
#: Logarithms of support are whole numbers of 1/1000; a support of 0 counts as half a step of the evidence.
_LOG_STEPS = 1000
_LEAST_SUPPORT = 0.5 / EVIDENCE_STEPS


class RunPixels:
    """The pixels of a run, decided with its own alpha, another one, or priors by altitude.

    Attributes:
        run: its folder. record: its run.json.
        alpha: of the ML rule. anew: is it decided from the logits, not read from the evidence?
        grid, extent: the run's raster on the world grid; all regions count from its upper left corner.
        shape: rows and columns.
        class_ids: `[C]`, the raster value of each class channel.
        layers: names and scales of the layers of `read`.
        has_relief: are altitude and slope among them?
    """

    def __init__(self, run: Path, alpha: float | None = None, priors: AltitudePriors | None = None):
        """Open a run; `alpha` None takes the run's own.

        Raises:
            InputError: if there is no finished run, or what is asked for needs files that it does not have.
        """
        self.run, self.record = run, read_record(run)
        self.alpha = self.record.parameters.alpha if alpha is None else alpha
        check_alpha(self.alpha)
        self.anew = priors is not None or self.alpha != self.record.parameters.alpha
        self._priors = priors
        self._files = ExitStack()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        record = self.record
        n_experts, n_classes = len(record.experts), len(record.classes)
        self.class_ids = np.array([c.id for c in record.classes])
        self._channels = np.full(2**16, IGNORED, np.uint8)
        self._channels[self.class_ids] = np.arange(n_classes)
        self._rule = record.rule(self.alpha)
        maps = ["land_cover", *(f"expert_{k}" for k in range(1, n_experts + 1))]
        self._maps = [self._raster(id_, 1) for id_ in maps]
        self._evidence = self._raster("evidence", 6 + n_experts)
        if self.anew:
            self._logits = self._raster("logits", n_experts * n_classes)
        transform = self._evidence.transform
        self.grid = WorldGrid(self._evidence.crs, record.grid.gsd)
        row0, col0 = round(-transform.f / self.grid.gsd), round(transform.c / self.grid.gsd)
        self.shape = record.grid.shape
        self.extent = Region(row0, row0 + self.shape[0], col0, col0 + self.shape[1])
        self._relief = self._open_relief()
        self.has_relief = self._relief is not None
        if self._priors is not None and self._relief is None:
            raise InputError(
                f"Priors by altitude need the elevation model of the run {self.run}, which cannot be read."
            )
        self.layers = _layers(n_experts, self.class_ids.tolist(), relief=self.has_relief)

    def _raster(self, id_: str, n_bands: int) -> Any:
        """Open a product, and see that it is this run's."""
        path = self.record.products.get(id_)
        if path is None and id_ == "logits":
            raise InputError(
                f"The run {self.run} has no logits, so it can be flagged with its own alpha "
                f"{self.record.parameters.alpha:g} and global priors only; map it again with logits for others."
            )
        try:
            dataset = rasterio.open(path or self.run / f"{id_}.tif")
        except RasterioError as error:
            raise InputError(f"The {id_} raster of the run {self.run} cannot be read; map it again.") from error
        self._files.enter_context(dataset)
        if (dataset.count, dataset.shape) != (n_bands, self.record.grid.shape):
            raise InputError(f"{dataset.name} is not the {id_} raster of the run {self.run}; map it again.")
        return dataset

    def _open_relief(self) -> Relief | None:
        files = next((source.files for source in self.record.inputs if source.role == "dem"), ())
        relief = open_relief(files, self.grid) if files else None
        if relief is not None:
            self._files.callback(relief.close)
        return relief

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        self._files.close()

    def read(self, region: Region) -> PixelBlock:
        """Return the pixels of a region: ML classes, heat in steps of 1/50000, and the layers.

        Raises:
            InputError: if a file breaks while being read.
        """
        altitude, slope = self._read_relief(region)
        maps, evidence = self._decisions(region, altitude)
        classes = self._channels[evidence[0]]
        ml, log_support = evidence[0].astype(np.uint8), _log_support(evidence[5:])
        planes = [
            *(voice == ml for voice in maps[1:]),
            evidence[4],
            *evidence[5:],
            *log_support,
            *(maps[0] == id_ for id_ in self.class_ids),
        ]
        if self.has_relief:
            planes += [np.round(altitude * 100), np.round(slope * 100)]
        layers = np.empty((len(planes), *region.shape), np.float32)
        for layer, plane in zip(layers, planes, strict=True):
            layer[:] = plane
        return PixelBlock(classes, evidence[1:4], layers)

    def classes(self, region: Region) -> NDArray[np.uint8]:
        """Return the ML class channels `[h, w]` of a region, 255 where there is none."""
        if not self.anew:
            return self._channels[self._values(self._evidence, region, 1)]
        found = np.empty(region.shape, np.uint8)
        for rows in _strips(region):
            altitude = self._read_relief(rows)[0] if self._priors is not None else None
            evidence = self._decisions(rows, altitude)[1]
            found[rows.row0 - region.row0 : rows.row1 - region.row0] = self._channels[evidence[0]]
        return found

    def _decisions(
        self, region: Region, altitude: NDArray[np.float32] | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """Return the maps `[1 + K, h, w]` and the evidence `[6 + K, h, w]` of a region as `predict` writes
        them.
        """
        if not self.anew:
            maps = np.stack([self._values(dataset, region, 1) for dataset in self._maps])
            return maps, self._values(self._evidence, region)
        logits = self._values(self._logits, region)
        shape = (self._rule.n_experts, len(self.class_ids), -1)
        flat = torch.from_numpy(logits).reshape(shape)
        priors = None
        if self._priors is not None and altitude is not None:
            shares = interpolated(self._priors.at(altitude), self.alpha)
            priors = torch.from_numpy(np.log(shares).reshape(len(self.class_ids), -1).astype(np.float32))
        return _decide(flat, self._rule, priors, region.shape)

    def _read_relief(self, region: Region) -> tuple[Any, Any]:
        if self._relief is None:
            return None, None
        return self._relief.read(moved(region, self.extent))

    def _values(self, dataset: Any, region: Region, band: int | None = None) -> NDArray[Any]:
        window = Window(region.col0, region.row0, region.shape[1], region.shape[0])
        try:
            values: NDArray[Any] = dataset.read(band, window=window)
        except RasterioError as error:
            raise InputError(f"{dataset.name} cannot be read to its end; map it again.") from error
        return values


def moved(region: Region, extent: Region) -> Region:
    """Return a region of a raster as one of the world grid that the raster's extent is on."""
    return Region(
        region.row0 + extent.row0,
        region.row1 + extent.row0,
        region.col0 + extent.col0,
        region.col1 + extent.col0,
    )


def _layers(n_experts: int, class_ids: Sequence[int], *, relief: bool) -> tuple[Layer, ...]:
    """Return the layers in the order of `RunPixels.read`."""
    experts, share = [f"_{k}" for k in range(1, n_experts + 1)], 1 / EVIDENCE_STEPS
    return (
        *(Layer(f"expert{k}") for k in experts),
        Layer("agreement", share),
        *(Layer(f"support{k}", share) for k in ("", *experts)),
        *(Layer(f"log_support{k}", 1 / _LOG_STEPS) for k in ("", *experts)),
        *(Layer(f"bayes_{id_}") for id_ in class_ids),
        *((Layer("altitude_m", 0.01), Layer("slope_deg", 0.01)) if relief else ()),
    )


def _log_support(support: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return logarithms of support as whole numbers of 1/1000, from a table of all its values."""
    return _LOGS[support]


_LOGS = np.round(
    _LOG_STEPS * np.log(np.maximum(np.arange(2**16) / EVIDENCE_STEPS, _LEAST_SUPPORT))
).astype(np.float32)


def _decide(
    logits: Tensor, rule: Any, priors: Tensor | None, shape: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Decide logits `[K, C, N]`; NaN in any gives nodata."""
    n = logits.shape[2]
    maps = np.empty((1 + rule.n_experts, n), np.uint8)
    evidence = np.empty((rule.n_evidence, n), np.uint16)
    for start in range(0, n, _TILE_PX):
        part = slice(start, start + _TILE_PX)
        missing = torch.isnan(logits[:, :, part]).any(dim=0).any(dim=0)
        own = None if priors is None else priors[:, part]
        if own is not None:
            missing |= torch.isnan(own).any(dim=0)
        known = torch.nan_to_num(logits[:, :, part])
        found = decide(known, rule, None if own is None else torch.nan_to_num(own))
        maps[:, part], evidence[:, part] = found.classes.numpy(), found.evidence.numpy()
        gaps = missing.numpy()
        maps[:, part][:, gaps], evidence[:, part][:, gaps] = IGNORED, NODATA_EVIDENCE
    return maps.reshape(-1, *shape), evidence.reshape(-1, *shape)


def _strips(region: Region, max_px: int = 2**18) -> Iterator[Region]:
    """Yield a region in strips of whole rows, so that the logits of one fit in memory."""
    step = max(1, max_px // max(1, region.shape[1]))
    for row in range(region.row0, region.row1, step):
        yield replace(region, row0=row, row1=min(row + step, region.row1))
