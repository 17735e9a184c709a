"""Files of screening models: which network a card describes, and the one that ships. How files are read
safely lives in `model_file.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .bundle import Bundle, load_bundle
from .model_file import Kind, ModelFile, holds, located, read_model, write_model
from .tile_card import TILE_FORMAT_VERSION, TileCard
from .tile_network import build_tile_network

TILE_CARD_KEY = "mce_tile_card"


@dataclass(frozen=True)
class TileBundle(ModelFile[TileCard]):
    """A screening model as it was read."""

    def network(self) -> nn.Module:
        """Return a new network with these weights, float32, on the CPU, in evaluation mode."""
        network = build_tile_network(self.card)
        network.load_state_dict(dict(self.weights))
        return network.eval()


def load_tile_bundle(model: str | Path = "screen") -> TileBundle:
    """Read a screening model; "screen" or "" is the embedded one.

    Raises:
        ModelError: see `model_file.read_model` and `located`.
    """
    return TileBundle(**vars(read_model(located(model, "screen"), SCREENING)))


def load_any(model: str | Path) -> Bundle | TileBundle:
    """Read a model of either kind; "demo" and "screen" are the embedded ones.

    Raises:
        ModelError: see `model_file.read_model`.
    """
    path = located(model, "demo")
    if path.is_file() and holds(path, SCREENING):
        return load_tile_bundle(path)
    return load_bundle(path)


def save_tile_bundle(
    path: Path, card: TileCard, state_dict: Mapping[str, Tensor], dtype: torch.dtype = torch.bfloat16
) -> str:
    """Write a screening model whole or not at all, and return its SHA-256.

    Raises:
        ModelError, OutputError: see `model_file.write_model`.
    """
    return write_model(path, card, state_dict, dtype, SCREENING)


def _skeleton(card: TileCard) -> nn.Module:
    with torch.device("meta"):
        return build_tile_network(card)


def _shape(card: TileCard) -> str:
    arch = card.architecture
    return (
        f"{arch.kind} {arch.encoder or ''}".strip()
        + f" with {card.n_bands} bands, {len(card.classes)} classes and tiles of {card.window} pixels"
    )


SCREENING = Kind(TILE_CARD_KEY, TileCard, TILE_FORMAT_VERSION, _skeleton, _shape)
