"""Writes tiny data in the real formats: TLM lists, FLAIR folders, rasters and polygons in LV95."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning


def write_tif(path: Path, values: NDArray[Any], transform: Affine | None = None, **profile: Any) -> Path:
    """Write `[bands, H, W]`; with a transform the CRS is LV95."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, height, width = values.shape
    if transform is not None:
        profile |= {"transform": transform, "crs": "EPSG:2056"}
    kind = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": values.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **kind, **profile) as file:
            file.write(values)
    return path


def tlm_tile(folder: Path, name: str, label: int | NDArray[np.uint8], seed: int = 0) -> tuple[str, str, str]:
    """Write the three files of a hectare and return their names."""
    rng = np.random.default_rng(seed)
    files = tuple(f"{name}_{kind}.tif" for kind in ("rgb", "dem", "label"))
    labels = np.full((200, 200), label, np.uint8) if isinstance(label, int) else label
    write_tif(folder / files[0], rng.integers(0, 255, (3, 400, 400), dtype=np.uint8))
    write_tif(folder / files[1], rng.uniform(2000, 2100, (1, 200, 200)).astype(np.float32))
    write_tif(folder / files[2], labels[None])
    return files[0], files[1], files[2]


def tlm_list(path: Path, rows: Sequence[tuple[str, str, str]]) -> Path:
    """Write a list as the paper's dataset has them."""
    lines = ["rbg,dem,mask,mainclass", *(",".join((*row, "1.0")) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def flair_tile(root: Path, domain: str, number: int, mask: int, seed: int = 0) -> None:
    """Write an image and its mask as FLAIR-1 lays them out."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (5, 512, 512), dtype=np.uint8)
    write_tif(root / "images" / domain / "Z1_UF" / "img" / f"IMG_{number:06d}.tif", image)
    labels = np.full((1, 512, 512), mask, np.uint8)
    write_tif(root / "masks" / domain / "Z1_UF" / "msk" / f"MSK_{number:06d}.tif", labels)
