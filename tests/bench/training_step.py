"""A training step of MCE-3 beside one of a single head on the same backbone, turn by turn, and how long a
training waits for its data: CPU seconds, medians.

    OMP_NUM_THREADS=1 python tests/bench/training_step.py --encoder resnet50 --pixels 200 --batch 4
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from mce_landcover.core.model.card import Architecture, ModelCard, Normalisation, SourceSpec
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.core.model.network import build_network
from mce_landcover.training.config import LossSettings
from mce_landcover.training.data.module import TileData
from mce_landcover.training.data.patches import PatchSampler, SceneBlock, render_area
from mce_landcover.training.data.samples import TrainingPatches, augmentation
from mce_landcover.training.experts import nested_experts
from mce_landcover.training.module import make_loss
from torch import Tensor

Step = Callable[[Tensor, Tensor], None]


def make_card(args: argparse.Namespace, n_experts: int) -> ModelCard:
    classes = load_catalogue()
    plain = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "scale": 1 / 255}
    relief = {"kind": "window_min", "mean": (40.0,), "std": (20.0,)}
    architecture = {
        "decoder": args.decoder,
        "encoder": args.encoder,
        "expert_channels": args.hidden,
        "encoder_output_stride": args.stride if args.decoder == "deeplabv3plus" else None,
    }
    return ModelCard(
        name="bench",
        architecture=Architecture.model_validate(architecture),
        classes=classes,
        experts=nested_experts(classes, n_experts),
        sources=(
            SourceSpec(role="image", bands=("R", "G", "B"), gsd_m=0.5, normalisation=Normalisation(**plain)),
            SourceSpec(role="dem", bands=("height",), gsd_m=0.5, normalisation=Normalisation(**relief)),
        ),
        gsd_m=0.5,
        window=args.pixels,
        stride=args.pixels // 2,
        pixel_counts=tuple(range(1, len(classes) + 1)),
    )


def make_step(args: argparse.Namespace, n_experts: int) -> Step:
    """Return one training step; the second argument are labels."""
    card = make_card(args, n_experts)
    network = build_network(card).train().to(args.device, memory_format=torch.channels_last)
    loss = make_loss(LossSettings("mce" if n_experts > 1 else "ce"), card, args.pixels**2)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4, fused=args.device == "cuda")

    def step(x: Tensor, labels: Tensor) -> None:
        with torch.autocast(args.device, torch.bfloat16, enabled=args.precision == "bf16"):
            logits = network(x)
        value = loss(logits if n_experts > 1 else logits[:, 0], labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    return step


def seconds(work: Callable[[], None], device: str) -> float:
    """Return CPU seconds on a CPU, and seconds on a GPU."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    started = clock()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - started


def batch_seconds(args: argparse.Namespace) -> float:
    """Return the CPU seconds that one batch of augmented patches takes to make."""
    card, areas = make_card(args, 3), [render_area(SceneBlock(s, 0, 0, 512, 512)) for s in (1, 2)]
    ids = [c.id for c in card.classes]
    variants = augmentation("square", 0.2, card.sources)
    patches = TrainingPatches(PatchSampler(areas, ids, card.window), args.batch * 12, variants, 0)
    batches = iter(TileData(patches, batch_size=args.batch, workers=0).train_dataloader())
    next(batches)
    return statistics.median(seconds(lambda: next(batches), "cpu") for _ in range(10))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", default="resnet50")
    parser.add_argument("--decoder", default="deeplabv3plus")
    parser.add_argument("--stride", type=int, default=8, help="output stride of the encoder")
    parser.add_argument("--hidden", type=int, default=256, help="width of the experts")
    parser.add_argument("--pixels", type=int, default=200)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    x = torch.randn(args.batch, 4, args.pixels, args.pixels, device=args.device)
    x = x.to(memory_format=torch.channels_last)
    labels = torch.randint(0, 9, (args.batch, args.pixels, args.pixels), device=args.device)
    steps = {n: make_step(args, n) for n in (1, 3)}
    found: dict[int, list[float]] = {n: [] for n in steps}
    for turn in range(args.rounds + 1):
        for n, step in steps.items():
            took = seconds(lambda step=step: step(x, labels), args.device)  # type: ignore[misc]
            if turn:  # the first one warms up
                found[n].append(took)
    single, mce = (statistics.median(found[n]) for n in (1, 3))
    print(f"single head {single:.3f} s, MCE-3 {mce:.3f} s: {mce / single:.3f} x")
    batch = batch_seconds(args)
    print(f"a batch of data {batch:.3f} s in one worker: {batch / mce:.1%} of a step")


if __name__ == "__main__":
    main()
