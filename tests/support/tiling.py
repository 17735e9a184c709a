"""A small landscape of stripes to cut tiles from: 8 x 8 tiles of 16 pixels at half a metre."""

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from affine import Affine
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.training.requests import PrepareTilesRequest
from mce_landcover.training.tiling.prepare_tiles import TilesResult, prepare_tiles

from support.tile_files import write_tif

SIDE, N, GSD = 16, 8, 0.5
LEFT, TOP = 2_600_000.0, 1_200_000.0  # on the lattice of 8 m
PLACE, FINE = Affine(GSD, 0, LEFT, 0, -GSD, TOP), Affine(GSD / 2, 0, LEFT, 0, -GSD / 2, TOP)
PIXELS = SIDE * N


def stripes() -> np.ndarray:
    """Ids 1, 3, 5 and 7 in columns of 8 pixels with noise, so that every tile holds some of each."""
    rng = np.random.default_rng(0)
    ids = np.array([1, 3, 5, 7], np.uint8)[(np.arange(PIXELS) // 8) % 4]
    labels = np.broadcast_to(ids, (PIXELS, PIXELS)).copy()
    noise = rng.random(labels.shape) < 0.1
    labels[noise] = rng.choice(np.array([0, 1, 3, 5, 7], np.uint8), noise.sum())
    return labels


def write_landscape(folder: Path, labels: np.ndarray | None = None) -> dict[str, Path]:
    """Write image.tif (0.25 m), dem.tif and labels.tif."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (3, 2 * PIXELS, 2 * PIXELS), dtype=np.uint8)
    dem = rng.uniform(2000, 2100, (1, PIXELS, PIXELS)).astype(np.float32)
    return {
        "image": write_tif(folder / "image.tif", image, FINE),
        "dem": write_tif(folder / "dem.tif", dem, PLACE, nodata=-9999),
        "labels": write_tif(folder / "labels.tif", (stripes() if labels is None else labels)[None], PLACE),
    }


#: Names of `LabelChoice` and `SplitPlan` -> of the request.
_LABELS = {"files": "labels", "field": "label_field", "codes": "label_codes"}
_SPLIT = {"strategy": "split"}


def cut(
    files: dict[str, Path],
    output: Path,
    reporter: Any = None,
    *,
    labels: dict[str, Any] | None = None,
    split: dict[str, Any] | None = None,
    **changes: Any,
) -> TilesResult:
    """Prepare tiles of a landscape; the last arguments change the request."""
    asked = {
        "source": {role: [file] for role, file in files.items() if role != "labels"},
        "labels": [files["labels"]],
        "output": output,
        "split": "iterative",
        "tile": SIDE,
    }
    asked |= {_LABELS.get(name, name): value for name, value in (labels or {}).items()}
    if "label_codes" in asked:
        asked["label_codes"] = "source" if asked["label_codes"] else "ids"
    asked |= {_SPLIT.get(name, name): value for name, value in (split or {}).items()}
    return prepare_tiles(PrepareTilesRequest(**asked | changes), reporter or SilentReporter())


def write_polygons(path: Path, shapes: list[Any], values: list[Any], field: str = "class") -> Path:
    """Write polygons with a class each, in LV95."""
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(shape) for shape in shapes], object),
        [np.array(values, dtype=object if isinstance(values[0], str) else None)],
        [field],
        crs="EPSG:2056",
        geometry_type="Polygon",
        driver="GPKG",
    )
    return path
