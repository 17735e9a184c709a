"""How much each expert pulls at the shared backbone: norms of the gradients of its loss, of a trained model
on windows of embedded scenes.

    OMP_NUM_THREADS=1 python tests/bench/expert_gradients.py MODEL...

Experts of rare classes average over few pixels, so their gradients are large and noisy, and a backbone that
follows their sum follows them rather than expert 1; `loss.rare_weight` weighs them down.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from mce_landcover.core.model.bundle import load_bundle
from mce_landcover.core.model.normalise import Normaliser
from mce_landcover.training.data.patches import SceneBlock, render_area
from mce_landcover.training.losses.cross_entropy import IGNORE_INDEX
from mce_landcover.training.losses.mce import mce_terms
from torch import Tensor

SEEDS, BATCHES, BATCH = (101, 103, 105, 107), 6, 8


def norms(model: Path) -> np.ndarray:
    """Return the norms of all batches, `[N, K + 1]`: each expert's classification, then all complements."""
    bundle = load_bundle(model)
    card, network, normaliser = bundle.card, bundle.network(), Normaliser(bundle.card.sources)
    backbone = [*network.encoder.parameters(), *network.decoder.parameters()]
    channel = np.full(256, IGNORE_INDEX, np.int64)
    channel[[c.id for c in card.classes]] = np.arange(len(card.classes))
    random, side, found = np.random.default_rng(0), card.window, []
    for seed in SEEDS:
        area = render_area(SceneBlock(seed, 0, 0, 1024, 1024))
        for _ in range(BATCHES):
            corners = random.integers(0, 1024 - side, (BATCH, 2))
            parts = [(slice(r, r + side), slice(c, c + side)) for r, c in corners]
            raw = torch.from_numpy(np.stack([area.raw[:, *part] for part in parts]))
            labels = torch.from_numpy(channel[np.stack([area.labels[part] for part in parts])])
            terms = mce_terms(network(normaliser(raw)), labels, card.responsible)
            losses = [*terms.classification, terms.complementary.sum()]
            found.append([_norm(loss, backbone) for loss in losses])
    return np.array(found)


def _norm(loss: Tensor, parameters: list[Tensor]) -> float:
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return float(torch.cat([g.flatten() for g in found if g is not None]).norm())


def main() -> None:
    """Print median and mean norms of every model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    torch.set_num_threads(1)
    for model in parser.parse_args().models:
        found = norms(model)
        heads = [f"expert {k + 1}" for k in range(found.shape[1] - 1)] + ["complements"]
        for name, values in zip(heads, found.T, strict=True):
            print(f"{model}: {name}: median {np.median(values):.2f}, mean {values.mean():.2f}")


if __name__ == "__main__":
    main()
