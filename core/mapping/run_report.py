"""The run file: what was made, from what, with what, on what, and how long it took."""

import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import rasterio
import torch
from pydantic import TypeAdapter

from ..base.version import package_version
from ..geodata.grid import name_of
from ..model.card import ModelCard
from ..model.decision import DecisionRule
from .devices import Execution
from .plan import Plan


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


def describe_parameters(wishes: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Return what the user asked for, and what was made of it; files are named elsewhere in the run file."""
    return {
        **wishes,
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
