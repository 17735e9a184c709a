"""The main job, read from top to bottom: rasters and a model in; land cover, experts and evidence out.

Each step lives in a module of its own, beside this one or in `engine/`.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
from torch import nn

from ..base.errors import InputError
from ..base.files import require_writable, write_json
from ..base.package import package_version
from ..base.progress import SILENT, Reporter
from ..base.results import JobResult
from ..model.bundle import load_bundle
from ..model.card import ModelCard
from ..model.classes import LandCoverClass
from .backend import Backend, Predictor, RollingBlend
from .choose_backend import start_backend, start_decider, torch_flags
from .devices import Execution, choose, n_cores
from .memory import GDAL_CACHE_MB, bound, keep_freed_memory
from .pipeline import LayerCounts, Pipeline, WindowCounts
from .plan import Plan, Settings, make_plan, spanned
from .products import Product, products_of, targets_of
from .publish import Publisher
from .reader import StripReader
from .record import (
    Clock,
    describe_execution,
    describe_parameters,
    describe_plan,
    fingerprint_of_execution,
    fingerprint_of_plan,
    versions,
)
from .requests import PredictRequest
from .store import RUN_FILE, ChunkWriter, RunStore, require_unfinished


@dataclass(frozen=True)
class PredictResult(JobResult):
    """What was made: `products` by id (land_cover, expert_1 ... expert_K, evidence, perhaps logits),
    `windows` run on `device`.
    """

    output_dir: Path
    products: dict[str, Path]
    run_file: Path
    windows: int
    seconds: float
    device: str
    precision: str
    model: str
    classes: tuple[LandCoverClass, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields, with what a legend needs of the classes."""
        return super().as_json() | {"classes": [c.legend() for c in self.classes]}


class Model(Protocol):
    """A card and how to get its network; `bundle.Bundle` is one."""

    @property
    def card(self) -> ModelCard:
        """What the model says of itself."""

    @property
    def sha256(self) -> str:
        """Of its file."""

    @property
    def path(self) -> Path:
        """Its file."""

    def network(self) -> nn.Module:
        """Return the network: normalised `[B, n_bands, H, W]` -> logits `[B, K, C, H, W]`."""


def predict(request: PredictRequest, reporter: Reporter = SILENT) -> PredictResult:
    """Map land cover.

    Raises:
        InputError, ModelError, DeviceError: if what was given cannot be used; nothing is written then.
        OutputError: if the results cannot be written.
        Cancelled: if the reporter says so; the same request goes on later where it stopped.
    """
    return run(load_bundle(request.model), request, reporter)


def run(
    model: Model,
    request: PredictRequest,
    reporter: Reporter = SILENT,
    settings: Settings = Settings(),  # noqa: B008
) -> PredictResult:
    """Do the same as `predict` with a model at hand; `settings` bound the memory."""
    clock = Clock()
    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB):
        execution = choose(request.device, request.engine, request.precision)
        plan = make_plan(
            model.card,
            request.sources,
            extent=request.extent,
            crs=request.crs,
            aggregation=request.aggregation,
            alpha=request.alpha,
            overlap=request.overlap,
            settings=settings,
            tiles=(request.tiles, request.tiles_first) if request.tiles else None,
        )
        try:
            return _Run(model, request, reporter, settings, plan, execution, clock).make()
        finally:
            plan.close()


@dataclass
class _Run:
    """One run and its steps; `make` tells them in order."""

    model: Model
    request: PredictRequest
    reporter: Reporter
    settings: Settings
    plan: Plan
    execution: Execution
    clock: Clock

    def make(self) -> PredictResult:
        request, output = self.request, self.request.output
        self.products = products_of(self.model.card, self._tags(), request.alpha, logits=request.logits)
        products = self.products
        targets = targets_of(products, output, request.destinations)
        require_unfinished(output, list(targets.values()), overwrite=request.overwrite)
        for folder in {target.parent for target in targets.values()} - {output}:
            require_writable(folder)
        with torch_flags(self.execution):
            backend = self._start()
            try:
                with RunStore(output, self._fingerprint(), products, overwrite=request.overwrite) as store:
                    tally = self._map(store, backend, products)
                    self._publish(store, {product: targets[product.id] for product in products})
                    report = self._report(backend, tally, resumed=store.resumed)
                    files = {id_: str(path.absolute()) for id_, path in targets.items()}
                    write_json(output / RUN_FILE, {**report, "products": files})
                    store.finish()
            finally:
                backend.close()
        return PredictResult(
            output,
            targets,
            output / RUN_FILE,
            tally.windows - tally.skipped,
            report["seconds"],
            self.execution.device,
            self.execution.precision,
            self.model.card.name,
            self.model.card.classes,
        )

    def _start(self) -> Backend:
        """Bring the network onto the device, and say which and how."""
        card, layout = self.model.card, self.plan.layout
        keep_freed_memory()
        predictor = Predictor(card.sources, self.model.network().eval(), layout.lattice)
        backend, self.execution = start_backend(
            predictor,
            card,
            self.execution,
            self.request,
            n_windows=layout.n_windows_in_all(),
            log=self.reporter.log,
        )
        self.decide = start_decider(self.plan.rule, self.execution)
        chosen, several = self.execution, "s" * (backend.batch_size != 1)
        self.reporter.log(
            f"Computing on {chosen.device} ({chosen.name}) with {chosen.engine} in {chosen.precision}, "
            f"{backend.batch_size} window{several} at a time."
        )
        bytes_per_pixel = sum(len(p.bands) * np.dtype(p.dtype).itemsize for p in self.products)
        self.memory = bound(
            card,
            layout,
            self.settings,
            in_flight=2 * backend.batch_size,
            bytes_per_pixel=bytes_per_pixel,
        )
        rows, cols = layout.region.shape
        if self.plan.mask is not None:
            self.reporter.log(f"Only the {len(self.plan.mask.edges):,} tiles chosen are mapped.")
        self.reporter.log(
            f"Mapping {cols} x {rows} pixels of {self.plan.grid.gsd:g} m with {layout.n_windows_in_all()} "
            f"windows; at most {self.memory.total} MiB of memory beside the network."
        )
        self.clock.lap("start")
        return backend

    def _map(self, store: RunStore, backend: Backend, products: Sequence[Product]) -> WindowCounts:
        """Make all chunks that are missing."""
        if store.resumed:
            self.reporter.log(f"Going on with the unfinished run in {self.request.output}.")
        plan = self.plan
        runs = list(plan.layout.missing(store.done()))
        tally = WindowCounts(sum(plan.layout.n_windows(spanned(chunks)) for chunks in runs))
        n_channels = plan.rule.n_experts * len(plan.rule.class_ids)
        threads = n_cores() if self.execution.device == "cuda" else 2
        reader = StripReader(plan.sources, plan.lattice, threads, self.settings.ahead, plan.mask)
        pipeline = Pipeline(
            plan.grid,
            plan.lattice,
            reader,
            backend,
            partial(RollingBlend, n_channels, plan.lattice, device=self.execution.torch_device),
            self.decide,
            LayerCounts(1 + plan.rule.n_experts, plan.rule.n_evidence, n_channels * self.request.logits),
            lambda: self.reporter.progress(tally.windows, tally.total, "windows"),
        )
        with closing(reader):
            for chunks in runs:
                with ChunkWriter(store, products, chunks) as writer:
                    pipeline.run(spanned(chunks), tally, writer.put)
        if store.n_valid() == 0:
            raise InputError(
                "There is nothing to map: no pixel has values in all sources; check the rasters "
                "and the extent."
            )
        self.clock.lap("map")
        return tally

    def _publish(self, store: RunStore, targets: Mapping[Product, Path]) -> None:
        """Make the final files; the reporter may stop even this."""
        total = self.plan.layout.n_windows_in_all()
        publisher = Publisher(
            store, self.plan.layout, self.plan.grid, lambda: self.reporter.progress(total, total, "windows")
        )
        publisher.publish(targets)
        self.clock.lap("publish")

    def _tags(self) -> dict[str, str]:
        """Return the provenance inside the files: equal for equal inputs, so neither times nor places."""
        return {
            "MCE_MODEL": self.model.card.name,
            "MCE_MODEL_SHA256": self.model.sha256,
            "MCE_AGGREGATION": self.plan.rule.aggregation,
            "MCE_VERSION": package_version(),
        }

    def _fingerprint(self) -> dict[str, Any]:
        """Return everything that the pixels depend on, and how the work folder is cut."""
        return {
            "model": self.model.sha256,
            **fingerprint_of_plan(self.plan),
            "cuts": asdict(self.settings),
            **fingerprint_of_execution(self.execution),
            "products": [product.id for product in self.products],
        }

    def _report(self, backend: Backend, tally: WindowCounts, *, resumed: bool) -> dict[str, Any]:
        """Return the content of the run file, but for the products."""
        path = str(self.model.path.absolute())
        model = {"name": self.model.card.name, "sha256": self.model.sha256, "path": path}
        return {
            **describe_execution(self.execution, backend.batch_size),
            "model": model,
            **describe_plan(self.model.card, self.plan),
            "parameters": describe_parameters(self.request.settings(), self.plan),
            "windows": {
                "total": self.plan.layout.n_windows_in_all(),
                "run": tally.windows - tally.skipped,
                "skipped": tally.skipped,
            },
            "seconds": self.clock.total(),
            "seconds_by_step": self.clock.laps,
            "resumed": resumed,
            "memory_bound_mib": {**asdict(self.memory), "total": self.memory.total},
            "versions": versions(),
        }
