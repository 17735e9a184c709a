"""Looks at what a network does with one input: which layers read it, which give the logits, which batch norms
can be merged, and whether everything in between has a rule. No relevance is computed here.

It follows the tensors, not the order in which layers were assigned, which may be another.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import ModelError
from .operations import (
    ACTIVATIONS,
    MOVES,
    SUMS,
    WEIGHTED,
    Arguments,
    Options,
    name_of,
    out_of_place,
    signals_of,
    tensors_in,
)

#: Layers whose forward pass is the operation that zennit's rules are for; some classes that inherit do more.
LINEAR = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
#: Of timm and smp: they pad their input themselves, and then do the same.
_PADDED = ("Conv2dSame", "Conv2dStaticSamePadding")
BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Survey:
    """What was seen, by the layers' names.

    Attributes:
        first: layers with weights that read the input itself.
        heads: layers whose outputs reach the network's output with no activation on the way.
        merges: (convolution or linear layer, batch norm) with nothing else that reads between.
    """

    first: tuple[str, ...]
    heads: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Origin:
    """Where a tensor comes from: is it the input itself, which layers sum up to it, which one made it?"""

    is_input: bool = False
    heads: frozenset[str] = frozenset()
    maker: str | None = None


def survey(network: nn.Module, inputs: Tensor) -> Survey:
    """Run the network once, in evaluation mode and without gradients.

    Raises:
        ModelError: if it does something that relevance has no rule for; the sentence names it.
    """
    mode = _Following(inputs)
    names = {
        module: name for name, module in network.named_modules() if isinstance(module, LINEAR + BATCH_NORM)
    }
    handles = []
    for module, name in names.items():
        handles.append(module.register_forward_pre_hook(mode.enter))
        handles.append(module.register_forward_hook(mode.leaver(name)))
    try:
        with torch.no_grad(), mode:
            output = network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return mode.seen(output)


class _Following(TorchFunctionMode):
    """Keeps the origin of every tensor that comes from the input."""

    def __init__(self, inputs: Tensor):
        super().__init__()
        self._kept: list[Tensor] = []  # a tensor that is freed would pass its identity on
        self._origins: dict[int, _Origin] = {}
        self._uses: Counter[int] = Counter()
        self._calls: Counter[str] = Counter()
        self._first: list[str] = []
        self._pairs: list[tuple[str, str, int]] = []
        self._depth = 0
        self._remember(inputs, _Origin(is_input=True))

    def seen(self, output: Tensor) -> Survey:
        """Return what was found."""
        if id(output) not in self._origins:
            raise ModelError("The network does not give one tensor of logits, so it cannot be explained.")
        merges = [
            (layer, norm)
            for layer, norm, between in self._pairs
            if self._uses[between] == 1 and self._calls[layer] == self._calls[norm] == 1
        ]
        heads = tuple(sorted(self._origins[id(output)].heads))
        return Survey(tuple(self._first), heads, tuple(merges))

    def enter(self, _module: nn.Module, args: Arguments) -> None:
        """Note that a layer with weights begins; what it does inside is its own rule's business."""
        if self._depth == 0:
            self._use(args)
        self._depth += 1

    def leaver(self, name: str) -> Callable[[nn.Module, Arguments, Tensor], None]:
        """Return what notes that the layer of that name has ended."""

        def leave(module: nn.Module, args: Arguments, output: Tensor) -> None:
            self._depth -= 1
            if self._depth > 0 or id(args[0]) not in self._origins:
                return
            self._calls[name] += 1
            origin = self._origins[id(args[0])]
            if isinstance(module, LINEAR):
                self._require_plain(module, name)
                if origin.is_input:
                    self._first.append(name)
                self._remember(output, _Origin(heads=frozenset({name}), maker=name))
                return
            if origin.maker is not None:
                self._pairs.append((origin.maker, name, id(args[0])))
            acts = next(module.children(), None) is not None  # norm and activation in one, as in timm
            self._remember(output, _Origin(heads=frozenset() if acts else origin.heads))

        return leave

    def _require_plain(self, module: nn.Module, name: str) -> None:
        """Refuse what the rules of layers with weights do not hold for."""
        if self._calls[name] > 1:
            raise ModelError(f"The network uses its layer {name} more than once, so it cannot be explained.")
        own = type(module).forward
        plain = any(own is base.forward for base in LINEAR) or type(module).__name__ in _PADDED
        if not plain:
            raise ModelError(
                f"The network's layer {name} is a {type(module).__name__}, which heat maps have no rule for; "
                "explain a network of plain convolutions and linear layers."
            )

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Arguments = (),
        kwargs: Options | None = None,
    ) -> Any:
        name, options = name_of(func), kwargs or {}
        if self._depth > 0:
            return func(*args, **options)
        read = [t for t in tensors_in((args, options)) if id(t) in self._origins]
        if name in SUMS | ACTIVATIONS and read:
            result = out_of_place(func, args, options)()
        else:
            result = func(*args, **options)
        made = list(tensors_in(result))
        if not read or not made:
            return result
        if name not in MOVES | SUMS | ACTIVATIONS or not self._has_signal(name, args, made[0]):
            raise ModelError(
                f"The network computes {'with ' * (name in WEIGHTED)}{name} outside of its layers, which "
                "heat maps have no rule for; explain a network of convolutions, linear layers, pooling and "
                "sums."
            )
        self._use(read)
        origin = self._joined(read, acts=name in ACTIVATIONS)
        for tensor in made:
            self._remember(tensor, origin)
        return result

    def _has_signal(self, name: str, args: Arguments, result: Tensor) -> bool:
        return name not in SUMS or bool(signals_of(name, args, result, lambda t: id(t) in self._origins))

    def _joined(self, read: Sequence[Tensor], *, acts: bool) -> _Origin:
        origins = [self._origins[id(tensor)] for tensor in read]
        if acts:
            return _Origin()
        return _Origin(
            is_input=all(origin.is_input for origin in origins),
            heads=frozenset().union(*(origin.heads for origin in origins)),
        )

    def _use(self, values: object) -> None:
        for tensor in tensors_in(values):
            self._uses[id(tensor)] += 1

    def _remember(self, tensor: Tensor, origin: _Origin) -> None:
        self._kept.append(tensor)
        self._origins[id(tensor)] = origin
