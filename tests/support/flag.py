"""Small finished runs with known logits, as `predict` would have written them, and the ways to judge them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mce_landcover.core.model.decision import DecisionRule, decide, log_priors
from scipy.ndimage import gaussian_filter, zoom

from support.engine import write

GSD = 0.5
#: Far from the origin, as real coordinates are.
ROW0, COL0 = -2_400_000, 5_200_000
CLASSES = (
    (2, "rock", "head", 5000),
    (3, "scree", "head", 4000),
    (5, "wet meadow", "body", 900),
    (7, "large blocks", "tail", 70),
    (9, "blocks with grass", "tail", 30),
)
IDS = tuple(id_ for id_, *_ in CLASSES)
EXPERTS = {"all": IDS, "rare": (5, 7, 9), "tail": (7, 9)}
RARE = (7, 9)
NODATA = 255


@dataclass(frozen=True)
class Made:
    """A run and what it was made from."""

    folder: Path
    logits: np.ndarray  # [K, C, H, W]
    dem: np.ndarray


def smooth_logits(rows: int, cols: int, seed: int = 0, sigma: float = 2.0) -> np.ndarray:
    """Logits `[K, C, rows, cols]` with blobs of every class; rare ones are seldom the largest."""
    random = np.random.default_rng(seed)
    responsible = np.array([[id_ in ids for id_ in IDS] for ids in EXPERTS.values()])
    unit = 2 * sigma * np.sqrt(np.pi)  # what smoothing takes off the standard deviation of white noise
    shape = (len(EXPERTS), len(IDS), rows, cols)
    own = gaussian_filter(random.normal(size=shape), (0, 0, sigma, sigma)) * unit
    shared = gaussian_filter(random.normal(size=shape[1:]), (0, sigma, sigma)) * unit
    rarity = np.log([count for *_, count in CLASSES])[:, None, None] * 0.6
    # Joining divides the sum of the experts by the number of those responsible.
    weight = (responsible.sum(axis=0) / len(EXPERTS))[:, None, None]
    return ((0.8 * own + 1.5 * shared + rarity) * weight).astype(np.float32)


def hilly(rows: int, cols: int, seed: int = 0) -> np.ndarray:
    """A DEM `[rows, cols]` in metres."""
    coarse = np.random.default_rng(seed).normal(2400, 25, (5, 6))
    return zoom(coarse, (rows / 5, cols / 6), order=1).astype(np.float32)[:rows, :cols]


def rule(alpha: float) -> DecisionRule:
    return DecisionRule(
        IDS,
        tuple(tuple(id_ in ids for id_ in IDS) for ids in EXPERTS.values()),
        "mean_responsible",
        log_priors([count for *_, count in CLASSES], alpha),
    )


def make_run(
    folder: Path,
    logits: np.ndarray,
    *,
    alpha: float = 0.99,
    keep_logits: bool = True,
    row0: int = ROW0,
    col0: int = COL0,
    dem: Path | None = None,
    missing: np.ndarray | None = None,
    sha256: str = "ab" * 32,
) -> Path:
    """Write the rasters and the run.json of a finished run; `missing` `[H, W]` has no data."""
    folder.mkdir(parents=True, exist_ok=True)
    n_experts, n_classes, rows, cols = logits.shape
    found = decide(torch.from_numpy(logits).reshape(n_experts, n_classes, -1), rule(alpha))
    maps = found.classes.numpy().reshape(-1, rows, cols).copy()
    evidence = found.evidence.numpy().reshape(-1, rows, cols).astype(np.uint16)
    kept = logits.reshape(-1, rows, cols).copy()
    if missing is not None:
        maps[:, missing], evidence[:, missing], kept[:, missing] = NODATA, 65535, np.nan
    place = {"west": col0 * GSD, "north": -row0 * GSD}
    names = ["land_cover", *(f"expert_{k}" for k in range(1, n_experts + 1))]
    products = {
        name: write(folder / f"{name}.tif", layer[None], GSD, nodata=NODATA, **place)
        for name, layer in zip(names, maps, strict=True)
    }
    products["evidence"] = write(folder / "evidence.tif", evidence, GSD, nodata=65535, **place)
    if keep_logits:
        products["logits"] = write(folder / "logits.tif", kept, GSD, nodata=np.nan, **place)
    record: dict[str, Any] = {
        "inputs": [{"role": "dem", "files": [str(dem)]}] if dem else [],
        "grid": {"crs": "EPSG:2056", "gsd": GSD, "shape": [rows, cols]},
        "model": {"name": "test", "sha256": sha256},
        "device": "cpu",
        "precision": "fp32",
        "classes": [
            {"id": id_, "name": name, "color": f"#{40 * i:02x}8040", "group": group}
            for i, (id_, name, group, _) in enumerate(CLASSES)
        ],
        "experts": list(EXPERTS),
        "expert_classes": [list(ids) for ids in EXPERTS.values()],
        "pixel_counts": [count for *_, count in CLASSES],
        "parameters": {"aggregation": "mean_responsible", "alpha": alpha},
        "products": {id_: str(path) for id_, path in products.items()},
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def write_dem(path: Path, dem: np.ndarray, row0: int = ROW0, col0: int = COL0) -> Path:
    return write(path, dem[None], GSD, nodata=-9999, west=col0 * GSD, north=-row0 * GSD)


def small_run(folder: Path, rows: int = 70, cols: int = 90, seed: int = 3, **changes: Any) -> Made:
    """A run with a DEM that reaches 8 pixels beyond it, and dozens of candidates."""
    logits, dem = smooth_logits(rows, cols, seed), hilly(rows + 16, cols + 16, seed)
    folder.mkdir(parents=True, exist_ok=True)
    file = write_dem(folder / "dem.tif", dem, ROW0 - 8, COL0 - 8)
    return Made(make_run(folder / "run", logits, dem=file, **changes), logits, dem)


def flood(classes: np.ndarray, row: int, col: int) -> np.ndarray:
    """The 8-connected segment of a pixel, one pixel at a time."""
    own, todo = np.zeros(classes.shape, np.bool_), [(row, col)]
    while todo:
        r, c = todo.pop()
        if own[r, c]:
            continue
        own[r, c] = True
        for i in range(max(0, r - 1), min(classes.shape[0], r + 2)):
            for j in range(max(0, c - 1), min(classes.shape[1], c + 2)):
                if classes[i, j] == classes[r, c] and not own[i, j]:
                    todo.append((i, j))
    return own


def segments_of(classes: np.ndarray) -> list[np.ndarray]:
    """The masks of all segments, in raster order of their first pixels."""
    seen, found = np.zeros(classes.shape, np.bool_), []
    for row, col in np.ndindex(classes.shape):
        if not seen[row, col]:
            found.append(flood(classes, row, col))
            seen |= found[-1]
    return found


def has_interior(mask: np.ndarray) -> bool:
    """Is there a pixel all of whose neighbours inside the raster are in the mask?"""
    rows, cols = mask.shape
    return any(
        mask[max(0, r - 1) : min(rows, r + 2), max(0, c - 1) : min(cols, c + 2)].all()
        for r, c in np.argwhere(mask)
    )
