"""Peak resident memory of `predict` by raster size, each in a child process, and the far corner's content.

The network is trivial (class = value of the pixel), so only the engine is measured. The rasters are made on
the fly: one value everywhere, but for a marked square in the last corner. How threads meet moves the peak by
some per cent, so sizes are better run several times in turn.
    python tests/bench/memory.py --sizes 5000 20000 5000 20000 5000 20000
    python tests/bench/memory.py --sizes 50000
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import torch
from affine import Affine
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.mapping.predict import PredictRequest, run
from mce_landcover.core.model.card import ModelCard
from mce_landcover.core.model.classes import load_catalogue
from rasterio.windows import Window
from torch import nn

MARK = 250  # side of the square in the far corner, in pixels
ORDINARY, MARKED = 3, 7  # class channels


class ValueIsClass(nn.Module):
    """Logits that peak at the channel whose number is the pixel's value."""

    def __init__(self, n_experts: int, n_classes: int):
        super().__init__()
        self.n_experts = n_experts
        self.register_buffer("centres", torch.arange(n_classes, dtype=torch.float32).reshape(1, 1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = -((x[:, None, :1] - self.centres) ** 2)
        return logits.expand(-1, self.n_experts, -1, -1, -1)


class BenchModel:
    sha256 = "0" * 64
    path = Path("trivial.safetensors")

    def __init__(self) -> None:
        classes = load_catalogue()
        ids = [c.id for c in classes]
        self.card = ModelCard.model_validate(
            {
                "name": "trivial",
                "architecture": {"decoder": "unet", "encoder": "resnet18", "expert_channels": 1},
                "classes": classes,
                "experts": [{"name": n, "classes": ids} for n in ("head", "body", "tail")],
                "sources": [
                    {
                        "role": "image",
                        "bands": ["value"],
                        "gsd_m": 0.5,
                        "normalisation": {"mean": [0.0], "std": [1.0]},
                    }
                ],
                "gsd_m": 0.5,
                "window": 256,
                "stride": 256,
                "pixel_counts": [1] * len(ids),
            }
        )

    def network(self) -> nn.Module:
        return ValueIsClass(len(self.card.experts), len(self.card.classes))


def make_raster(path: Path, pixels: int) -> None:
    """Write a raster of one value with a square of another in its last corner."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=pixels,
        height=pixels,
        count=1,
        dtype="uint8",
        crs="EPSG:2056",
        transform=Affine(0.5, 0, 2_500_000, 0, -0.5, 1_300_000),
        tiled=True,
        blockxsize=512,
        blockysize=512,
        compress="zstd",
        bigtiff="yes",
    ) as dataset:
        row = np.full((1, min(512, pixels), pixels), ORDINARY, np.uint8)
        for top in range(0, pixels, 512):
            rows = min(512, pixels - top)
            dataset.write(row[:, :rows], window=Window(0, top, pixels, rows))
        corner = np.full((1, MARK, MARK), MARKED, np.uint8)
        dataset.write(corner, window=Window(pixels - MARK, pixels - MARK, MARK, MARK))


def check_corner(path: Path, pixels: int) -> None:
    """Raise unless the map's last corner holds the marked square and nothing else of its class is near it."""
    ids = [c.id for c in load_catalogue()]
    side = 2 * MARK
    with rasterio.open(path) as dataset:
        assert dataset.shape == (pixels, pixels), dataset.shape
        found = dataset.read(1, window=Window(pixels - side, pixels - side, side, side))
    expected = np.full((side, side), ids[ORDINARY], np.uint8)
    expected[-MARK:, -MARK:] = ids[MARKED]
    np.testing.assert_array_equal(found, expected)


def child(folder: Path, pixels: int) -> None:
    """Run once and print what it took."""
    image = folder / f"image_{pixels}.tif"
    started = time.perf_counter()
    request = PredictRequest(
        source={"image": [image]}, output=folder / f"out_{pixels}", device="cpu", precision="fp32"
    )
    result = run(BenchModel(), request, SilentReporter())
    seconds = time.perf_counter() - started
    check_corner(result.products["land_cover"], pixels)
    report = json.loads(result.run_file.read_text())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "pixels": pixels,
                "peak_mib": round(peak),
                "bound_mib": report["memory_bound_mib"]["total"],
                "seconds": round(seconds, 1),
                "windows": report["windows"]["run"],
                "output_mib": round(sum(p.stat().st_size for p in result.products.values()) / 2**20),
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.folder, args.child)
        return
    print(
        f"{'pixels':>10}{'peak MiB':>10}{'bound MiB':>11}{'seconds':>9}"
        f"{'windows':>9}{'Mpx/s':>7}{'output MiB':>12}"
    )
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        for pixels in args.sizes:
            make_raster(Path(name) / f"image_{pixels}.tif", pixels)
            command = [sys.executable, __file__, "--folder", name, "--child", str(pixels)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
            if done.returncode:
                raise SystemExit(done.stderr)
            row = json.loads(done.stdout.splitlines()[-1])
            shutil.rmtree(Path(name) / f"out_{pixels}")
            speed = pixels**2 / 1e6 / row["seconds"]
            print(
                f"{pixels:>8}^2{row['peak_mib']:>10}{row['bound_mib']:>11}{row['seconds']:>9}"
                f"{row['windows']:>9}"
                f"{speed:>7.1f}{row['output_mib']:>12}",
                flush=True,
            )


if __name__ == "__main__":
    main()
