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
from mce_landcover.core.mapping.choose_backend import torch_flags
from mce_landcover.core.mapping.devices import choose, n_cores
from mce_landcover.core.mapping.memory import keep_freed_memory
from mce_landcover.core.mapping.predict import PredictRequest, run
from mce_landcover.core.model.card import ModelCard
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.core.model.network import build_network
from mce_landcover.core.model.normalise import Normaliser
from mce_landcover.scene.write import make_scene
from rasterio.enums import Resampling
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


class Stopwatch:
    """A reporter that notes when the network is on the device: from there on, `predict` and bare are equal
    work.
    """

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def progress(self, done: int, total: int, unit: str) -> None:
        if not self.wall:
            self.wall, self.cpu = time.perf_counter(), time.process_time()

    def log(self, message: str) -> None:
        if message.startswith("Mapping"):
            self.wall, self.cpu = time.perf_counter(), time.process_time()


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
) -> Callable[[], None]:
    """MONAI's inferer on the raster as an array, Gaussian weights, half overlap, then one arg-max."""
    from monai.inferers import sliding_window_inference

    net = model.net.to(device, memory_format=torch.channels_last)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    normaliser = Normaliser(model.card.sources)

    def predictor(windows: torch.Tensor) -> torch.Tensor:
        return net(normaliser(windows).to(memory_format=torch.channels_last)).flatten(1, 2).float()

    def loop() -> None:
        values = []
        for paths in rasters.values():
            with rasterio.open(paths[0]) as dataset:
                side_m = dataset.bounds.right - dataset.bounds.left
                shape = (dataset.count, round(side_m / 0.5), round(side_m / 0.5))
                values.append(dataset.read(out_shape=shape, resampling=Resampling.average).astype(np.float32))
        x = torch.from_numpy(np.concatenate(values))[None].to(device)
        side = model.card.window
        overlap = 1 - model.card.stride / side
        with torch.inference_mode(), torch.autocast(device, dtype, enabled=dtype != torch.float32):
            logits = sliding_window_inference(
                x, (side, side), batch, predictor, overlap=overlap, mode="gaussian"
            )
        logits[0, :9].argmax(dim=0).to(torch.uint8).cpu()

    return loop


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def predicted(model: BenchModel, request: PredictRequest) -> tuple[float, float, dict[str, Any]]:
    """Run the whole job; return wall and CPU seconds after the network was ready, and the run file."""
    watch = Stopwatch()
    result = run(model, request, watch)
    wall, cpu = time.perf_counter() - watch.wall, time.process_time() - watch.cpu
    return wall, cpu, json.loads(result.run_file.read_text())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=NETWORKS, default="r50")
    parser.add_argument("--pixels", type=int, default=1500, help="side of the raster, the embedded scene")
    parser.add_argument("--window", type=int, default=200)
    parser.add_argument("--stride", type=int, default=100)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--monai", action="store_true", help="also run MONAI's sliding window, in torch")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    model = make_model(args.network, args.window, args.stride)
    execution = choose(args.device, args.engine, args.precision)
    keep_freed_memory()
    measured: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = make_scene(folder / "scene", size_m=args.pixels // 2)
        rasters = {"image": [scene.image], "dem": [scene.dem]}

        def predict_once() -> tuple[float, float, dict[str, Any]]:
            output = folder / f"out{time.monotonic_ns()}"
            wishes = {"device": args.device, "engine": args.engine, "precision": args.precision}
            return predicted(
                model, PredictRequest(source=rasters, output=output, batch_size=args.batch, **wishes)
            )

        _, _, warm = predict_once()
        n_windows, batch = warm["windows"]["run"], warm["batch_size"]
        if execution.engine == "openvino":
            bare = bare_openvino(model, execution.precision)
        else:
            bare = bare_torch(model, execution.device, execution.precision, batch)
        with torch_flags(execution):
            bare(8)
        for _ in range(args.rounds):
            with torch_flags(execution):
                measured.setdefault("bare network", []).append(timed(lambda: bare(n_windows)))
            wall, cpu, _ = predict_once()
            measured.setdefault("predict", []).append((wall, cpu))
        if args.monai:
            peer = monai_run(model, rasters, execution.device, execution.precision, max(batch, 4))
            measured["monai (torch)"] = [timed(peer) for _ in range(max(1, args.rounds - 1))]
    print(
        f"{args.network} {args.window} px, stride {args.stride}, {args.pixels}^2 px, {n_windows} windows; "
        f"{execution.device} {execution.engine} {execution.precision}, {n_cores()} cores, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    show(measured, n_windows)


def show(measured: dict[str, list[tuple[float, float]]], n_windows: int) -> None:
    """Print medians, and ratios to the bare network; CPU seconds tell more on a machine that others use
    too.
    """
    print(
        f"{'':16}{'wall s':>10}{'windows/s':>11}{'ratio':>8}{'best ratio':>12}{'CPU s':>9}{'CPU ratio':>11}"
    )
    base = measured["bare network"]
    base_wall, base_cpu = (statistics.median(column) for column in zip(*base, strict=True))
    for name, runs in measured.items():
        wall, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
        best = min(run[0] for run in runs) / min(run[0] for run in base)
        print(
            f"{name:16}{wall:10.2f}{n_windows / wall:11.1f}{wall / base_wall:8.3f}{best:12.3f}"
            f"{cpu:9.2f}{cpu / base_cpu:11.3f}"
        )


if __name__ == "__main__":
    main()
