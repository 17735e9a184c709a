"""Tiny CamVid folders for tests: pictures whose colour tells the class."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_frames(
    folder: Path, part: str, names: tuple[str, ...], shape: tuple[int, int], cell: int = 2
) -> None:
    """Write a part: annotations constant on squares of `cell` pixels, blue of a pixel its code."""
    rng = np.random.default_rng(len(part))
    for kind in (part, f"{part}annot"):
        (folder / kind).mkdir(parents=True)
    (folder / f"{part}.txt").write_text("".join(f"{name}\n" for name in names))
    for name in names:
        coarse = rng.integers(0, 12, (shape[0] // cell, shape[1] // cell))
        codes = np.kron(coarse, np.ones((cell, cell))).astype(np.uint8)
        rgb = np.stack([codes * 20, 255 - codes * 20, codes], axis=-1).astype(np.uint8)
        Image.fromarray(rgb).save(folder / part / f"{name}.webp", lossless=True)
        Image.fromarray(codes).save(folder / f"{part}annot" / f"{name}.png")
