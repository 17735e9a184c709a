"""A screening model whose answer is known: a class is there as far as its band is bright."""

from pathlib import Path

import numpy as np
import torch
from affine import Affine
from mce_landcover.core.model.bundle import save_tile_bundle
from mce_landcover.core.model.card import TileCard
from mce_landcover.core.model.classes import load_catalogue
from mce_landcover.core.model.tile_network import build_tile_network
from numpy.typing import NDArray

from support.tile_cards import tile_card
from support.tile_files import write_tif

WINDOW, GSD_M = 16, 1.0
TILE_M = WINDOW * GSD_M
#: World coordinates of the scene's upper-left corner, on the lattice of tiles.
LEFT, TOP = 1600.0 * 160, 1200.0 * 160


def bright_card() -> TileCard:
    """Return a card with bands for scree, water and large blocks; only the last is a rare class."""
    classes = [c for c in load_catalogue() if c.name in ("scree", "water", "large blocks")]
    return tile_card(
        window=WINDOW,
        name="bright",
        classes=classes,
        label_counts=[1] * 3,
        architecture={"kind": "patch_cnn", "width": 3},
        sources=[
            {
                "role": "image",
                "bands": ["a", "b", "c"],
                "gsd_m": GSD_M,
                "normalisation": {"scale": 1 / 255, "mean": [0.5] * 3, "std": [0.5] * 3},
            }
        ],
        gsd_m=GSD_M,
        calibration=[[2.0, 0.0]] * 3,
    )


def bright_model(path: Path) -> Path:
    """Write a network whose logit of class c is the mean of band c, positive above half brightness."""
    card = bright_card()
    network = build_tile_network(card)
    state = {name: torch.zeros_like(t) for name, t in network.state_dict().items()}
    for name, tensor in state.items():
        if name.endswith("running_var"):
            tensor.fill_(1 - 1e-5)
        elif tensor.dim() == 1 and name.endswith("weight"):
            tensor.fill_(1)
        elif tensor.dim() == 4:  # the middle of each filter hands band c on
            tensor[range(3), range(3), tensor.shape[2] // 2, tensor.shape[3] // 2] = 1
        elif tensor.dim() == 2:
            tensor[:, :3] = torch.eye(3)  # of the means
            last = name
    state["1.running_mean"] -= 1.0  # so that ReLU cuts nothing off
    state[last.replace("weight", "bias")] -= 1.0
    save_tile_bundle(path, card, state, torch.float32)
    return path


def bright_scene(path: Path, brightness: NDArray[np.float64], left: float = LEFT, top: float = TOP) -> Path:
    """Write an image with one tile per entry of `brightness` `[3, rows, cols]`, 0..1."""
    values = np.kron(brightness * 255, np.ones((WINDOW, WINDOW))).round().astype(np.uint8)
    return write_tif(path, values, Affine(GSD_M, 0, left, 0, -GSD_M, top))
