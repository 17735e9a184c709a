"""The run file `run.json`: what was made, from what, with what, on what and how long it took; and reading
it as later jobs need it.
"""

import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from pydantic import BaseModel, TypeAdapter, ValidationError
from rasterio.errors import RasterioError

from ..base.errors import InputError
from ..base.package import package_version
from ..geodata.class_table import MapClass, read_class_table
from ..geodata.grid import name_of
from ..model.card import Composition, ModelCard
from ..model.classes import LandCoverClass
from ..model.decision import DecisionRule, log_priors
from .devices import Execution
from .plan import Plan


class InputRecord(BaseModel):
    """One source: its role and the files of its mosaic."""

    role: str
    files: tuple[Path, ...]


class GridRecord(BaseModel):
    """Grid of the map: CRS by name, pixel side, rows and columns."""

    crs: str
    gsd: float
    shape: tuple[int, int]


class ModelRecord(BaseModel):
    """The model that was used, and where its file was."""

    name: str
    sha256: str
    path: Path | None = None


class ParameterRecord(BaseModel):
    """How the experts were joined and the ML rule weighed."""

    aggregation: str
    alpha: float


class RunRecord(BaseModel):
    """The part of a run's record that others read; `experts` are names in order, `expert_classes` what each
    is responsible for, `pixel_counts` the training pixels per class, `composition` what the model's experts
    have learnt of being joined, `products` files by id.
    """

    inputs: tuple[InputRecord, ...]
    grid: GridRecord
    model: ModelRecord
    device: str
    precision: str
    classes: tuple[LandCoverClass, ...]
    experts: tuple[str, ...]
    expert_classes: tuple[tuple[int, ...], ...]
    pixel_counts: tuple[int, ...]
    composition: Composition | None = None
    parameters: ParameterRecord
    products: dict[str, Path]

    def rule(self, alpha: float | None = None) -> DecisionRule:
        """Return the decision rule of the run, or that with another alpha."""
        return DecisionRule(
            tuple(c.id for c in self.classes),
            tuple(tuple(c.id in ids for c in self.classes) for ids in self.expert_classes),
            self.parameters.aggregation,
            log_priors(self.pixel_counts, self.parameters.alpha if alpha is None else alpha),
            self.composition,
        )

    @property
    def class_rasters(self) -> dict[str, Path]:
        """Title -> class raster, the map first."""
        ids = {"land_cover": "Land cover"}
        ids |= {f"expert_{k}": f"Expert {k}: {name}" for k, name in enumerate(self.experts, start=1)}
        return {title: self.products[id_] for id_, title in ids.items() if id_ in self.products}


def read_record(run: Path) -> RunRecord:
    """Return the record in the folder of a run; products that lie beside it are found after a move, too.

    Raises InputError where the folder holds no finished run, or one of a version that recorded less.
    """
    path = run / "run.json"
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{run} holds no finished run: its run.json is missing or cannot be read."
        ) from error
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "its form"
        raise InputError(f"{path} is not the record of a run of this version ({where}): map anew.") from error
    here = {id_: run / file.name for id_, file in record.products.items() if not file.is_file()}
    return record.model_copy(update={"products": record.products | here})


def record_of(path: Path) -> RunRecord | None:
    """Return the record of a run's folder, or of the run in whose folder a raster lies that the run has made,
    or that is a copy of what it made, such as a reviewed map.

    Raises:
        InputError: if it is a folder without a finished run, or the record is of another version.
    """
    if path.is_dir():
        return read_record(path)
    if not (path.parent / "run.json").is_file():
        return None
    record = read_record(path.parent)
    made = {product.resolve() for product in record.products.values()}
    return record if path.resolve() in made or _is_copy(path, record) else None


def _is_copy(path: Path, record: RunRecord) -> bool:
    """Tell whether a raster says of itself that the model of a run made it."""
    try:
        with rasterio.open(path) as dataset:
            return bool(dataset.tags().get("MCE_MODEL_SHA256") == record.model.sha256)
    except RasterioError:
        return False  # whoever reads it says what is wrong with it


def map_file(path: Path) -> Path:
    """Return a class raster, or the map of the run in a folder.

    Raises:
        InputError: if it is a folder without a finished run.
    """
    return read_record(path).products["land_cover"] if path.is_dir() else path


def classes_of(record: RunRecord | None, table: Path | None) -> tuple[MapClass, ...]:
    """Return the classes of a table, else of a record, else none."""
    if table is not None:
        return read_class_table(table)
    return tuple(MapClass(c.id, c.name, c.group, c.color) for c in record.classes) if record else ()


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on."""
    found = {
        "mce_landcover": package_version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "rasterio": rasterio.__version__,
        "gdal": rasterio.__gdal_version__,
    }
    with suppress(PackageNotFoundError):  # an extra: without it torch computes
        found["openvino"] = version("openvino")
    return found


class Clock:
    """Measures the steps of a run in seconds, by name."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """End the step of that name."""
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 3)
        self._last = now

    def total(self) -> float:
        """Return the seconds since the start."""
        return round(time.monotonic() - self._start, 3)


def fingerprint_of_plan(plan: Plan) -> dict[str, Any]:
    """Return what the pixels depend on: grid, region, lattice, rule, and path, size and age of every file."""
    sources = {}
    for role, raster in plan.rasters.items():
        stats = [(file, file.stat()) for file in raster.files]
        sources[role] = [[str(file.absolute()), stat.st_size, stat.st_mtime_ns] for file, stat in stats]
    tiles = {} if plan.mask is None else {"tiles": plan.mask.digest()}
    return {
        **tiles,
        "sources": sources,
        "crs": plan.grid.crs.to_wkt(),
        "gsd": plan.grid.gsd,
        "region": asdict(plan.region),
        "lattice": asdict(plan.lattice),
        "rule": TypeAdapter(DecisionRule).dump_python(plan.rule, mode="json"),
    }


def fingerprint_of_execution(execution: Execution) -> dict[str, Any]:
    """Return what the pixels' last bits depend on: device, engine, precision and versions."""
    return {
        "execution": [execution.device, execution.engine, execution.precision],
        "versions": versions(),
    }


def describe_execution(execution: Execution, batch_size: int) -> dict[str, Any]:
    """Return what really computed, as it goes into the run file."""
    return {
        "device": execution.device,
        "device_name": execution.name,
        "engine": execution.engine,
        "precision": execution.precision,
        "batch_size": batch_size,
    }


def describe_parameters(settings: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Return what the user asked for, and what was made of it; files are named elsewhere in the run file."""
    return {
        **settings,
        "aggregation": plan.rule.aggregation,
        "window": plan.lattice.window,
        "stride": plan.lattice.stride,
    }


def describe_plan(card: ModelCard, plan: Plan) -> dict[str, Any]:
    """Return inputs, grid, priors, classes and experts, as they go into the run file."""
    total = sum(card.pixel_counts)
    return {
        "inputs": [
            {
                "role": role,
                "files": [str(file.absolute()) for file in raster.files],
                "crs": name_of(raster.crs),
                "gsd": raster.gsd,
                "size": [raster.width, raster.height],
            }
            for role, raster in plan.rasters.items()
        ],
        "grid": {
            "crs": name_of(plan.grid.crs),
            "gsd": plan.grid.gsd,
            "bounds": list(plan.grid.bounds(plan.region)),
            "shape": list(plan.region.shape),
        },
        "priors": {
            c.name: n / total if total else None for c, n in zip(card.classes, card.pixel_counts, strict=True)
        },
        "classes": [c.legend() for c in card.classes],
        "pixel_counts": list(card.pixel_counts),
        "experts": [expert.name for expert in card.experts],
        "expert_classes": [list(expert.classes) for expert in card.experts],
        "composition": card.composition and card.composition.model_dump(mode="json"),
    }
