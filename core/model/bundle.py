"""Model files of both kinds, mapping and screening: which network a card describes, and the models that ship.
How a file is read safely lives in `file.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .card import FORMAT_VERSION, TILE_FORMAT_VERSION, ModelCard, TileCard
from .file import Kind, ModelFile, holds, located, read_model, write_model
from .network import MceNetwork, build_network
from .tile_network import build_tile_network

CARD_KEY = "mce_model_card"


@dataclass(frozen=True)
class Bundle(ModelFile[ModelCard]):
    """A mapping model as it was read."""

    def network(self) -> MceNetwork:
        """Return a new network with these weights, float32, on the CPU, in evaluation mode."""
        network = build_network(self.card)
        network.load_state_dict(dict(self.weights))
        return network.eval()


def load_bundle(model: str | Path = "demo") -> Bundle:
    """Read a mapping model; "demo" or "" is the embedded one.

    Raises:
        ModelError: see `model_file.read_model` and `located`.
    """
    return Bundle(**vars(read_model(located(model, "demo"), MAPPING)))


def save_bundle(
    path: Path, card: ModelCard, state_dict: Mapping[str, Tensor], dtype: torch.dtype = torch.float16
) -> str:
    """Write a mapping model whole or not at all, and return its SHA-256.

    Raises:
        ModelError, OutputError: see `model_file.write_model`.
    """
    return write_model(path, card, state_dict, dtype, MAPPING)


def _mapping_skeleton(card: ModelCard) -> MceNetwork:
    if card.architecture.encoder.startswith("mit_"):  # smp's own transformers, small, need real tensors
        return build_network(card)
    with torch.device("meta"):
        return build_network(card)


def _mapping_shape(card: ModelCard) -> str:
    arch = card.architecture
    return (
        f"{arch.decoder} on {arch.encoder[:60]} with {card.n_bands} bands, {len(card.classes)} classes and "
        f"{len(card.experts)} experts"
    )


MAPPING = Kind(CARD_KEY, ModelCard, FORMAT_VERSION, _mapping_skeleton, _mapping_shape)


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


def _tile_skeleton(card: TileCard) -> nn.Module:
    with torch.device("meta"):
        return build_tile_network(card)


def _tile_shape(card: TileCard) -> str:
    arch = card.architecture
    return (
        f"{arch.kind} {arch.encoder or ''}".strip()
        + f" with {card.n_bands} bands, {len(card.classes)} classes and tiles of {card.window} pixels"
    )


SCREENING = Kind(TILE_CARD_KEY, TileCard, TILE_FORMAT_VERSION, _tile_skeleton, _tile_shape)
