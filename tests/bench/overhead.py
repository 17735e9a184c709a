"""Engine overhead: `predict` against the bare network on the same windows, alternately in one process.

The bare network gets windows that are already cut and in memory, on the same engine, precision and number of
threads, and its logits are thrown away. MONAI's sliding window runs the same network on the same raster.
    python tests/bench/overhead.py --network r50 --pixels 1500 --precision fp32 --monai
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from affine import Affine
from mce_landcover.core.card import ModelCard
from mce_landcover.core.catalogue import load_catalogue
from mce_landcover.core.engine.devices import choose, n_cores
from mce_landcover.core.engine.memory import keep_freed_memory
from mce_landcover.core.engine.start import torch_flags
from mce_landcover.core.network import build_network
from mce_landcover.core.normalise import Normaliser
from mce_landcover.core.predict import PredictRequest, run
from torch import nn

NETWORKS = {
    "r50": {
        "decoder": "deeplabv3plus",
        "encoder": "resnet50",
        "decoder_channels": 256,
        "expert_channels": 256,
    },
    "small": {
        "decoder": "unet",
        "encoder": "tu-mobilenetv3_large_100",
        "decoder_channels": 32,
        "expert_channels": 32,
    },
}


@dataclass(frozen=True)
class BenchModel:
    card: ModelCard
    net: nn.Module
    sha256: str = "0" * 64
    path: Path = Path("bench.safetensors")

    def network(self) -> nn.Module:
        return self.net


def make_model(name: str, window: int, stride: int) -> BenchModel:
    classes = load_catalogue()
    groups = (("head", "body", "tail"), ("body", "tail"), ("tail",))
    source = {"gsd_m": 0.5, "normalisation": {"scale": 1 / 255, "mean": [0.5] * 3, "std": [0.25] * 3}}
    relief = {"kind": "window_min", "mean": [40.0], "std": [20.0]}
    card = ModelCard.model_validate(
        {
            "name": f"bench {name}",
            "architecture": NETWORKS[name],
            "classes": classes,
            "experts": [{"name": g[0], "classes": [c.id for c in classes if c.group in g]} for g in groups],
            "sources": [
                {"role": "image", "bands": ["R", "G", "B"], **source},
                {"role": "dem", "bands": ["height"], "gsd_m": 0.5, "normalisation": relief},
            ],
            "gsd_m": 0.5,
            "window": window,
            "stride": stride,
            "pixel_counts": [1] * len(classes),
        }
    )
    return BenchModel(card, build_network(card).eval())


def make_rasters(folder: Path, pixels: int) -> dict[str, list[Path]]:
    random = np.random.default_rng(0)
    y, x = np.mgrid[:pixels, :pixels]
    dem = (2500 + 50 * np.sin(x / 90) + 40 * np.cos(y / 70)).astype(np.float32)[None]
    image = random.integers(0, 256, (3, pixels, pixels), dtype=np.uint8)
    paths = {}
    for role, values in (("image", image), ("dem", dem)):
        paths[role] = [folder / f"{role}.tif"]
        with rasterio.open(
            paths[role][0],
            "w",
            driver="GTiff",
            width=pixels,
            height=pixels,
            count=len(values),
            dtype=values.dtype,
            crs="EPSG:2056",
            transform=Affine(0.5, 0, 2_600_000, 0, -0.5, 1_200_000),
            tiled=True,
            compress="deflate",
        ) as dataset:
            dataset.write(values)
    return paths


class NullReporter:
    def progress(self, done: int, total: int, unit: str) -> None:
        pass

    def log(self, message: str) -> None:
        pass


def bare_openvino(model: BenchModel, precision: str) -> Callable[[int], None]:
    """The network alone, as fast as OpenVINO runs it: a stream per core, always fed."""
    import openvino

    side, cores = model.card.window, n_cores()
    shape = (1, model.card.n_bands, side, side)
    converted = openvino.convert_model(model.net, example_input=torch.zeros(shape), input=[shape])
    compiled = openvino.Core().compile_model(
        converted,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
            "NUM_STREAMS": str(cores),
            "INFERENCE_NUM_THREADS": str(cores),
        },
    )
    requests = [compiled.create_infer_request() for _ in range(2 * cores)]
    for request in requests:
        request.get_input_tensor().data[:] = np.random.default_rng(1).normal(size=shape)

    def loop(n_windows: int) -> None:
        for index in range(n_windows):
            request = requests[index % len(requests)]
            request.wait()
            request.start_async()
        for request in requests:
            request.wait()

    return loop


def bare_torch(model: BenchModel, device: str, precision: str, batch: int) -> Callable[[int], None]:
    """The network alone in torch, eager, channels last."""
    net = model.net.to(device, memory_format=torch.channels_last)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    side = model.card.window
    x = torch.randn(batch, model.card.n_bands, side, side, device=device).to(
        memory_format=torch.channels_last
    )

    def loop(n_windows: int) -> None:
        with torch.inference_mode(), torch.autocast(device, dtype, enabled=dtype != torch.float32):
            for _ in range(0, n_windows, batch):
                net(x)
        if device == "cuda":
            torch.cuda.synchronize()

    return loop


def monai_run(
    model: BenchModel, rasters: dict[str, list[Path]], device: str, precision: str, batch: int
) -> Callable[[int], None]:
    """MONAI's inferer on the raster as an array, Gaussian weights, half overlap, then the same arg-max."""
    from monai.inferers import sliding_window_inference

    net = model.net.to(device, memory_format=torch.channels_last)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    normaliser = Normaliser(model.card.sources)

    def predictor(windows: torch.Tensor) -> torch.Tensor:
        return net(normaliser(windows).to(memory_format=torch.channels_last)).flatten(1, 2).float()

    def loop(_: int) -> None:
        values = []
        for paths in rasters.values():
            with rasterio.open(paths[0]) as dataset:
                values.append(dataset.read().astype(np.float32))
        x = torch.from_numpy(np.concatenate(values))[None].to(device)
        side = model.card.window
        overlap = 1 - model.card.stride / side
        with torch.inference_mode(), torch.autocast(device, dtype, enabled=dtype != torch.float32):
            logits = sliding_window_inference(
                x, (side, side), batch, predictor, overlap=overlap, mode="gaussian"
            )
        logits[0, :9].argmax(dim=0).to(torch.uint8).cpu()

    return loop


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=NETWORKS, default="r50")
    parser.add_argument("--pixels", type=int, default=1500, help="side of the raster")
    parser.add_argument("--window", type=int, default=200)
    parser.add_argument("--stride", type=int, default=100)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--monai", action="store_true", help="also run MONAI's sliding window, in torch")
    args = parser.parse_args()

    model = make_model(args.network, args.window, args.stride)
    execution = choose(args.device, args.engine, args.precision)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rasters = make_rasters(folder, args.pixels)

        def predict_once() -> dict[str, Any]:
            request = PredictRequest(
                rasters,
                folder / f"out{time.monotonic_ns()}",
                device=args.device,
                engine=args.engine,
                precision=args.precision,
                batch_size=args.batch,
            )
            return json.loads(run(model, request, NullReporter()).run_file.read_text())

        warm = predict_once()
        n_windows, batch = warm["windows"]["run"], warm["batch_size"]
        if execution.engine == "openvino":
            bare = bare_openvino(model, execution.precision)
        else:
            bare = bare_torch(model, execution.device, execution.precision, batch)
        rows = []
        with torch_flags(execution):
            bare(8)
        for _ in range(args.rounds):
            with torch_flags(execution):
                wall, cpu, _ = timed(lambda: bare(n_windows))
            rows.append(("bare", wall, cpu))
            _, cpu, report = timed(predict_once)
            steps = report["seconds_by_step"]
            rows.append(("predict", steps["map"] + steps["publish"], cpu))
            rows.append(("  of which map", steps["map"], float("nan")))
            rows.append(("  start (not counted)", steps["start"], float("nan")))
        if args.monai:
            peer = monai_run(model, rasters, execution.device, execution.precision, max(batch, 4))
            for _ in range(max(1, args.rounds - 1)):
                wall, cpu, _ = timed(lambda: peer(0))
                rows.append(("monai", wall, cpu))

    print(
        f"{args.network} {args.window} px, stride {args.stride}, {args.pixels}^2 px, {n_windows} windows; "
        f"{execution.device} {execution.engine} {execution.precision}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'':24}{'s (median)':>12}{'s (best)':>10}{'windows/s':>11}{'ratio':>8}{'ratio of best':>15}{'CPU s':>8}"
    )
    base = [wall for name, wall, _ in rows if name == "bare"]
    for name in dict.fromkeys(row[0] for row in rows):
        walls = [wall for other, wall, _ in rows if other == name]
        cpus = [cpu for other, _, cpu in rows if other == name]
        middle = statistics.median(walls)
        print(
            f"{name:24}{middle:12.2f}{min(walls):10.2f}{n_windows / min(walls):11.1f}{middle / statistics.median(base):8.3f}"
            f"{min(walls) / min(base):15.3f}{statistics.median(cpus):8.1f}"
        )


if __name__ == "__main__":
    main()
