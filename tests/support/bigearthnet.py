"""Writes small patches in BigEarthNet's documented format."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mce_landcover.training.multilabel.bigearthnet import BANDS, SIDE

from support.tile_files import write_tif


def write_patch(folder: Path, name: str, labels: Sequence[str], seed: int = 0) -> Path:
    """Write the twelve bands of a patch and its labels."""
    rng = np.random.default_rng(seed)
    for size, bands in BANDS.items():
        side = SIDE * 10 // size
        for band in bands:
            values = rng.integers(0, 4000, (1, side, side), dtype=np.uint16)
            write_tif(folder / name / f"{name}_{band}.tif", values)
    path = folder / name / f"{name}_labels_metadata.json"
    path.write_text(json.dumps({"labels": list(labels), "projection": "", "coordinates": {}}))
    return folder / name


def write_listing(path: Path, names: Sequence[str]) -> Path:
    path.write_text("\n".join(names) + "\n")
    return path
