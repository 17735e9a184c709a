"""Class rasters and records of runs for tests."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from mce_landcover.core.model.classes import load_catalogue
from rasterio.transform import Affine

ORIGIN = Affine(0.5, 0, 2_600_000, 0, -0.5, 1_200_000)


def write_ids(path: Path, ids: np.ndarray, *, transform: Affine = ORIGIN, **profile: Any) -> Path:
    """Write class ids as a GeoTIFF, nodata 255 unless said otherwise."""
    settings = {
        "driver": "GTiff",
        "count": 1,
        "dtype": ids.dtype,
        "nodata": 255,
        "crs": "EPSG:2056",
    } | profile
    size = {"height": ids.shape[0], "width": ids.shape[1]}
    with rasterio.open(path, "w", transform=transform, **size, **settings) as dataset:
        dataset.write(ids, 1)
    return path


def run_record(folder: Path, experts: int = 3) -> dict[str, Any]:
    """Return what the run file of a run in that folder says, as far as later jobs read it."""
    classes = load_catalogue()
    groups = [("head", "body", "tail"), ("body", "tail"), ("tail",)][:experts]
    products = ["land_cover", *(f"expert_{k}" for k in range(1, experts + 1))]
    return {
        "inputs": [],
        "grid": {"crs": "EPSG:2056", "gsd": 0.5, "shape": [1, 1]},
        "model": {"name": "test", "sha256": "0" * 64},
        "device": "cpu",
        "precision": "fp32",
        "classes": [{"id": c.id, "name": c.name, "color": c.color, "group": c.group} for c in classes],
        "experts": [" and ".join(g) for g in groups],
        "expert_classes": [[c.id for c in classes if c.group in g] for g in groups],
        "pixel_counts": [1] * len(classes),
        "parameters": {"aggregation": "mean_responsible", "alpha": 1.0},
        "products": {id_: str(folder / f"{id_}.tif") for id_ in products},
    }
