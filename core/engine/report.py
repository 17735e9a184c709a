"""The run file: what was made, from what, with what, on what, and how long it took."""

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch

from ..card import ModelCard
from ..grid import name_of
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


def package_version() -> str:
    """Return this package's version, from its plugin metadata: it need not be installed to run."""
    metadata = Path(__file__).resolve().parents[2] / "metadata.txt"
    for line in metadata.read_text(encoding="utf-8").splitlines():
        if line.startswith("version="):
            return line.removeprefix("version=").strip()
    return "unknown"


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
        "classes": [{"id": c.id, "name": c.name, "color": c.color, "group": c.group} for c in card.classes],
        "experts": [expert.name for expert in card.experts],
    }
