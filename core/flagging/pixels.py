"""Reads the pixels of a finished run as segments are made of them: the ML rule's classes and heat maps, and
the layers behind our own features. Nothing is decided about segments here; `redecide.py` decides pixels anew.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from ..base.errors import InputError
from ..base.progress import SILENT, Reporter
from ..geodata.cells import moved
from ..geodata.grid import Region, WorldGrid
from ..mapping.record import read_record
from ..model.decision import EVIDENCE_STEPS, check_alpha, read_altitude_priors
from ..segments.stream import PixelBlock
from .features import IS_DOUBTFUL, Layer, feature_names
from .redecide import (
    PlacePriors,
    PriorsByAltitude,
    PriorsFromRaster,
    Relief,
    file_sha256,
    open_relief,
    redecide,
    temporary_folder,
)

IGNORED = 255
#: Logarithms of support are whole numbers of 1/1000; a support of 0 counts as half a step of the evidence.
_LOG_STEPS = 1000
_LOGS = np.round(
    _LOG_STEPS * np.log(np.maximum(np.arange(2**16, dtype=np.float64), 0.5) / EVIDENCE_STEPS)
).astype(np.float32)


class RunPixels:
    """The pixels of a run, decided with its own alpha, another one, or priors by place.

    Attributes:
        run: its folder. record: its run.json.
        alpha: of the ML rule.
        priors_sha256: of the table or raster of priors, "" for the model's global ones.
        grid, extent: the run's raster on the world grid; all regions count from its upper left corner.
        shape: rows and columns.
        class_ids: `[C]`, the raster value of each class channel.
        layers: names and scales of the layers of `read`.
        has_relief: are altitude and slope among them?
    """

    def __init__(
        self,
        run: Path,
        alpha: float | None = None,
        priors: Path | None = None,
        reporter: Reporter = SILENT,
    ):
        """Open a run; what is not the run's own rule is decided now, from its logits, into a temporary file.

        Args:
            run: folder of a finished run.
            alpha: None takes the run's own.
            priors: table of priors by altitude (CSV, `priors.read_altitude_priors`) or raster of priors with
                one band per class; None takes the model's.
            reporter: told how far deciding anew is; it may stop the work.

        Raises:
            InputError: if there is no finished run, or what is asked for needs files that it does not have.
            OutputError: if the disk does not take the temporary file.
        """
        self.run, self.record = run, read_record(run)
        self.alpha = self.record.parameters.alpha if alpha is None else alpha
        check_alpha(self.alpha)
        self.class_ids = np.array([c.id for c in self.record.classes])
        self._channels = np.full(256, IGNORED, np.uint8)
        self._channels[self.class_ids] = np.arange(len(self.class_ids))
        self.shape = self.record.grid.shape
        self.priors_sha256 = ""
        self._files = ExitStack()
        try:
            self._open()
            if priors is not None or self.alpha != self.record.parameters.alpha:
                self._decide_anew(priors, reporter)
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        n_experts = len(self.record.experts)
        ids = ["land_cover", *(f"expert_{k}" for k in range(1, n_experts + 1))]
        self._maps = [self._raster(id_, 1) for id_ in ids]
        self._evidence = self._raster("evidence", 6 + n_experts)
        self.grid = WorldGrid(self._evidence.crs, self.record.grid.gsd)
        transform, gsd = self._evidence.transform, self.grid.gsd
        row0, col0 = round(-transform.f / gsd), round(transform.c / gsd)
        self.extent = Region(row0, row0 + self.shape[0], col0, col0 + self.shape[1])
        self._relief = self._open_relief()
        self.has_relief = self._relief is not None
        self.layers = _layers(n_experts, self.class_ids.tolist(), relief=self.has_relief)

    def _raster(self, id_: str, n_bands: int) -> Any:
        """Open a product, and see that it is this run's."""
        try:
            dataset = rasterio.open(self.record.products.get(id_, self.run / f"{id_}.tif"))
        except RasterioError as error:
            raise InputError(
                f"The {id_} raster of the run {self.run} cannot be read; map it again."
            ) from error
        self._files.enter_context(dataset)
        if (dataset.count, dataset.shape) != (n_bands, self.shape):
            raise InputError(f"{dataset.name} is not the {id_} raster of the run {self.run}; map it again.")
        return dataset

    def _open_relief(self) -> Relief | None:
        files = next((source.files for source in self.record.inputs if source.role == "dem"), ())
        relief = open_relief(files, self.grid) if files else None
        if relief is not None:
            self._files.callback(relief.close)
        return relief

    def _decide_anew(self, priors: Path | None, reporter: Reporter) -> None:
        """Replace the evidence by that of another rule."""
        record, own = self.record, self.record.parameters.alpha
        if "logits" not in record.products:
            raise InputError(
                f"The run {self.run} keeps no logits, so only its own alpha {own:g} with the model's priors "
                "can be flagged; map it again with logits for another."
            )
        by_place = None if priors is None else self._place_priors(priors)
        folder = self._files.enter_context(temporary_folder())
        file = Path(folder) / "evidence.tif"
        rule = record.rule(self.alpha)
        logits = self._raster("logits", rule.n_experts * len(rule.class_ids))
        redecide(logits, rule, file, reporter, by_place)
        self._evidence = self._files.enter_context(rasterio.open(file))

    def _place_priors(self, path: Path) -> PlacePriors:
        """Open a table of priors by altitude (CSV), or a raster of priors."""
        self.priors_sha256 = file_sha256(path)
        if path.suffix.lower() != ".csv":
            raster = PriorsFromRaster(path, self.record.classes, self.alpha, self.grid, self.extent)
            self._files.callback(raster.close)
            return raster
        priors = read_altitude_priors(path, [c.name for c in self.record.classes])
        if self._relief is None:
            raise InputError(
                f"Priors by altitude need the elevation model of the run {self.run}, which is not there any "
                "more or never was; put it back or flag without these priors."
            )
        return PriorsByAltitude(priors, self.alpha, self._relief, self.extent)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features that its candidates have."""
        return (*feature_names(len(self.class_ids), self.layers), IS_DOUBTFUL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all files and remove the temporary one."""
        self._files.close()

    def read(self, region: Region, *, of_map: bool = False) -> PixelBlock:
        """Return the pixels of a region: classes, heat in steps of 1/50000, and the layers.

        Args:
            region: of the run's raster.
            of_map: the classes are the map's own, not the ML rule's.

        Raises:
            InputError: if a file breaks while being read.
        """
        evidence = self._values(self._evidence, region)
        bayes, *experts = (self._values(dataset, region, 1) for dataset in self._maps)
        ml = evidence[0].astype(np.uint8)
        said = np.where(ml == IGNORED, ml, bayes) if of_map else ml
        planes = [
            *(expert == said for expert in experts),
            *evidence[4:],
            *_LOGS[evidence[5:]],
            *(bayes == id_ for id_ in self.class_ids),
        ]
        if self._relief is not None:
            planes += [np.round(100 * plane) for plane in self._relief.read(moved(region, self.extent))]
        layers = np.empty((len(planes), *region.shape), np.float32)
        for layer, plane in zip(layers, planes, strict=True):
            layer[:] = plane
        return PixelBlock(self._channels[said], evidence[1:4], layers)

    def classes(self, region: Region, *, of_map: bool = False) -> NDArray[np.uint8]:
        """Return the class channels `[h, w]` of a region, 255 where there is none; `of_map` as in `read`."""
        ml = self._values(self._evidence, region, 1).astype(np.uint8)
        return self._channels[np.where(ml == IGNORED, ml, self.mapped(region)) if of_map else ml]

    def mapped(self, region: Region) -> NDArray[np.uint8]:
        """Return the map's class ids `[h, w]` of a region, NODATA_CLASS where it has none."""
        return self._values(self._maps[0], region, 1)

    def _values(self, dataset: Any, region: Region, band: int | None = None) -> NDArray[Any]:
        window = Window(region.col0, region.row0, region.shape[1], region.shape[0])
        try:
            values: NDArray[Any] = dataset.read(band, window=window)
        except RasterioError as error:
            raise InputError(f"{dataset.name} cannot be read to its end; map it again.") from error
        return values


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
