"""Settles trained weights for half precision: float32 and bfloat16 devices multiply with the same numbers.

A runtime folds batch norms into the convolutions before it rounds them, and the rounding of weights was the
largest part of the difference between the maps of both precisions. Here folding and rounding are done once.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..core.model.card import ModelCard
from ..core.model.network import build_network


def settle_weights(network: nn.Module, n_bands: int, side: int = 64) -> dict[str, Tensor]:
    """Return weights of the same function: norms scale by 1, convolutions hold bfloat16 numbers.

    What the network computes changes by that rounding only. Networks in which a convolution feeds more than
    its batch norm (pre-activation) keep their scales, and are rounded as they are.
    """
    x = torch.randn(2, n_bands, side, side, generator=torch.Generator().manual_seed(0))
    original = copy.deepcopy(network).cpu().eval()
    folded = copy.deepcopy(original)
    with torch.no_grad():
        for convolution, norm in _pairs(folded, x):
            _fold(convolution, norm)
        before, after = original(x), folded(x)
        settled = folded if torch.allclose(before, after, rtol=1e-3, atol=1e-3) else original
        for module in settled.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.copy_(module.weight.bfloat16())
    return settled.state_dict()


def settled_weights(card: ModelCard, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the settled weights of a checkpoint of the card's network."""
    network = build_network(card)
    network.load_state_dict(dict(state))
    return settle_weights(network, card.n_bands, card.window)


def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Move the scale of a batch norm into the convolution before it; its shift stays where it is."""
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    convolution.weight.mul_(scale.view(-1, 1, 1, 1))
    if convolution.bias is not None:
        convolution.bias.mul_(scale)
    norm.running_mean.mul_(scale)
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)


def _pairs(network: nn.Module, x: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Watch one pass and return each convolution with the batch norm that reads its output."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # the tensor is kept, or its id would be used again
    found: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def after(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            made[id(output)] = module, output

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(module, nn.BatchNorm2d) and id(inputs[0]) in made:
            found.append((made[id(inputs[0])][0], module))

    hooks = [m.register_forward_hook(after) for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks += [m.register_forward_pre_hook(before) for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    network(x)
    for hook in hooks:
        hook.remove()
    return found
