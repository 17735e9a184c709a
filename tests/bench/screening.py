"""How early screening finds the tiles with blocks of an unseen scene, and how much faster it is than mapping.

    python tests/bench/screening.py [--seed 7] [--size 1000] [--model FILE] [--no-map]

Prints the curve of tiles with blocks found against tiles looked at, for the model's tiles and for squares of
twice and four times their side, and seconds per hectare of both jobs on this machine, in turn.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyogrio
import rasterio
from mce_landcover.core.flagging.cross_validation import review_effort
from mce_landcover.core.mapping.predict import PredictRequest, predict
from mce_landcover.core.model.bundle import load_tile_bundle
from mce_landcover.core.screening.screen import ScreenRequest, ScreenResult, screen_tiles
from mce_landcover.scene.write import make_scene
from rasterio.windows import from_bounds

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
#: Pixels of half a metre from which a tile counts as one with blocks.
LEAST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--model", default="screen")
    parser.add_argument("--no-map", action="store_true")
    options = parser.parse_args()
    tile_m = load_tile_bundle(options.model).card.tile_m
    with tempfile.TemporaryDirectory() as folder:
        scene = make_scene(Path(folder) / "scene", size_m=options.size, seed=options.seed)
        sources = {"image": [scene.image], "dem": [scene.dem]}
        for side in (tile_m, 2 * tile_m, 4 * tile_m):
            output = Path(folder) / f"tiles_{side:g}.gpkg"
            result = screen_tiles(
                ScreenRequest(source=sources, output=output, model=options.model, grid_m=side)
            )
            print(curve(result, scene.labels, side))
        hectares, times = (options.size / 100) ** 2, {"screen_tiles": [], "predict": []}
        for turn in range(3):
            output = Path(folder) / f"again_{turn}.gpkg"
            times["screen_tiles"].append(
                clock(
                    lambda o=output: screen_tiles(
                        ScreenRequest(source=sources, output=o, model=options.model)
                    )
                )
            )
            if not options.no_map:
                run = Path(folder) / f"run_{turn}"
                times["predict"].append(
                    clock(lambda r=run: predict(PredictRequest(source=sources, output=r)))
                )
        for name, pairs in times.items():
            if pairs:
                wall, cpu = (min(column) / hectares for column in zip(*pairs, strict=True))
                print(f"{name}: {1e3 * wall:.1f} ms of wall and {1e3 * cpu:.1f} ms of CPU per hectare")


def clock(job: object) -> tuple[float, float]:
    """Return seconds of wall and of CPU that a job takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    job()  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu


def curve(result: ScreenResult, labels: Path, side: float) -> str:
    """Return the shares of tiles with blocks among the first tiles, in words."""
    ranks, extents = pyogrio.raw.read(result.tiles, layer="tiles", columns=["rank", "extent"])[3]
    held = np.zeros(len(ranks), bool)
    with rasterio.open(labels) as dataset:
        for i, text in enumerate(extents):
            left, right, bottom, top = (float(v) for v in text.split("[")[0].split(","))
            window = from_bounds(left, bottom, right, top, dataset.transform)
            held[i] = np.isin(dataset.read(1, window=window), (3, 4)).sum() > LEAST
    effort = review_effort(held, -ranks.astype(float)) / held.sum()
    found = np.interp(np.array(SHARES) * len(ranks), np.arange(len(effort)), effort)
    told = ", ".join(f"{100 * s:g} %: {100 * f:.0f} %" for s, f in zip(SHARES, found, strict=True))
    return f"{len(ranks)} tiles of {side:g} m, {held.sum()} with blocks; found in the first {told}"


if __name__ == "__main__":
    main()
