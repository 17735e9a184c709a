"""CPU seconds of the segment metrics: in memory at 2048 x 1024 x 19 classes, streamed by raster size.

The streamed rasters repeat one tile that fits itself on all sides, so they cost the same to read at any size;
reading is not counted. Each size runs in a child process, for its peak resident memory.
    OMP_NUM_THREADS=1 python tests/bench/segments.py
    OMP_NUM_THREADS=1 python tests/bench/segments.py --streamed 5000 20000 [--noise]
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.segments.metrics import segment_metrics
from mce_landcover.core.segments.stream import PixelBlock, SegmentTable, stream_segments
from scipy.ndimage import gaussian_filter

N_CLASSES = 19
STEPS = 50_000
TILE = 1000
RARE = 3  # the class whose segments the streamed runs keep


def smooth_probabilities(rows: int, cols: int, sigma: float, seed: int = 0) -> np.ndarray:
    """Return softmaxed Gaussian noise, float32 `[19, rows, cols]`, that fits itself on opposite sides."""
    random = np.random.default_rng(seed)
    scores = np.stack(
        [
            gaussian_filter(random.normal(size=(rows, cols)).astype(np.float32), sigma, mode="wrap")
            for _ in range(N_CLASSES)
        ]
    )
    scores *= 6 / scores.std()
    np.exp(scores - scores.max(axis=0), out=scores)
    return scores / scores.sum(axis=0)


def in_memory(sigma: float, rounds: int) -> None:
    probabilities = smooth_probabilities(1024, 2048, sigma)
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        labels, metrics = segment_metrics(probabilities)
        seconds.append(time.process_time() - start)
    print(
        f"segment_metrics 2048 x 1024 x {N_CLASSES}: {labels.max():,} segments, {len(metrics)} columns, "
        f"CPU s best {min(seconds):.3f} median {sorted(seconds)[rounds // 2]:.3f}"
    )


class TiledRaster:
    """A raster that repeats one tile; `seconds` is the CPU time spent in reading."""

    def __init__(self, noise: bool):
        random = np.random.default_rng(1)
        if noise:
            self.classes = random.integers(0, N_CLASSES, (TILE, TILE)).astype(np.uint8)
            self.heat = random.integers(0, STEPS + 1, (3, TILE, TILE)).astype(np.uint16)
        else:
            p = smooth_probabilities(TILE, TILE, 8.0, seed=1)
            self.classes = p.argmax(axis=0).astype(np.uint8)
            second, first = np.partition(p, -2, axis=0)[-2:]
            entropy = -(p * np.log(np.maximum(p, 1e-30))).sum(axis=0) / np.log(N_CLASSES)
            maps = np.stack([entropy, 1 - first + second, 1 - first])
            self.heat = np.round(maps.clip(0, 1) * STEPS).astype(np.uint16)
        self.layers = random.integers(0, STEPS + 1, (2, TILE, TILE)).astype(np.uint16)
        self.seconds = 0.0

    def read(self, region: Region) -> PixelBlock:
        start = time.process_time()
        places = np.ix_(
            np.arange(region.row0, region.row1) % TILE, np.arange(region.col0, region.col1) % TILE
        )
        planes = [np.stack([plane[places] for plane in planes]) for planes in (self.heat, self.layers)]
        block = PixelBlock(self.classes[places], *planes)
        self.seconds += time.process_time() - start
        return block


def rare_with_interior(table: SegmentTable) -> np.ndarray:
    return (table.metrics["class"] == RARE) & (table.n_interior > 0)


def resident_mib(entry: str) -> float:
    """Return the resident memory now (VmRSS) or at most (VmHWM), as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(entry)) / 1024


def streamed(size: int, noise: bool) -> None:
    """Stream once and print what it took as JSON."""
    raster = TiledRaster(noise)
    Path("/proc/self/clear_refs").write_text("5")  # making the tile is not in the peak
    before = resident_mib("VmRSS")
    start = time.process_time()
    n = sum(
        len(table)
        for table in stream_segments(
            (size, size), N_CLASSES, raster.read, heat_scale=STEPS, keep=rare_with_interior
        )
    )
    seconds = time.process_time() - start - raster.seconds
    found = {"n": n, "seconds": seconds, "before_mib": before, "peak_mib": resident_mib("VmHWM")}
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streamed", type=int, nargs="*", default=[], help="sides of rasters in pixels")
    parser.add_argument("--noise", action="store_true", help="stream pure noise")
    parser.add_argument("--sigma", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        streamed(args.child, args.noise)
        return
    if not args.streamed:
        in_memory(args.sigma, args.rounds)
    for size in args.streamed:
        command = [sys.executable, __file__, "--child", str(size)] + ["--noise"] * args.noise
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"streamed {size:,}^2{' noise' if args.noise else ''}: {found['n']:,} segments kept, "
            f"CPU s {found['seconds']:.2f}, per megapixel {found['seconds'] / size**2 * 1e6:.4f}, "
            f"peak {found['peak_mib']:.0f} MiB ({found['before_mib']:.0f} before)"
        )


if __name__ == "__main__":
    main()
