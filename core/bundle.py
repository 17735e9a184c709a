"""Files of mapping models: which network a card describes, and the one that ships. How files are read safely
lives in `model_file.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .card import FORMAT_VERSION, ModelCard
from .model_file import Kind, ModelFile, located, read_model, write_model
from .network import MceNetwork, build_network

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


def _skeleton(card: ModelCard) -> MceNetwork:
    if card.architecture.encoder.startswith("mit_"):  # smp's own transformers, small, need real tensors
        return build_network(card)
    with torch.device("meta"):
        return build_network(card)


def _shape(card: ModelCard) -> str:
    arch = card.architecture
    return (
        f"{arch.decoder} on {arch.encoder[:60]} with {card.n_bands} bands, {len(card.classes)} classes and "
        f"{len(card.experts)} experts"
    )


MAPPING = Kind(CARD_KEY, ModelCard, FORMAT_VERSION, _skeleton, _shape)
