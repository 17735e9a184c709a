"""Finds the layers and the operations of any network, however it is written, that relevance must be sent
through."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..base.errors import ModelError

Arguments = tuple[Any, ...]
Options = Mapping[str, Any]

#: Move, cut, join or select values: their gradient hands relevance on to where the values came from.
MOVES = frozenset(
    (
        "__getitem__",
        "adaptive_max_pool2d",
        "alpha_dropout",
        "amax",
        "broadcast_to",
        "cat",
        "chunk",
        "clone",
        "concat",
        "concatenate",
        "contiguous",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "expand",
        "expand_as",
        "feature_alpha_dropout",
        "flatten",
        "max_pool2d",
        "max_pool2d_with_indices",
        "movedim",
        "narrow",
        "pad",
        "permute",
        "repeat",
        "reshape",
        "select",
        "split",
        "squeeze",
        "stack",
        "transpose",
        "unbind",
        "unflatten",
        "unsqueeze",
        "view",
    )
)
#: Linear in what they are given: relevance is shared by contribution.
SUMS = frozenset(
    (
        "adaptive_avg_pool2d",
        "add",
        "avg_pool2d",
        "div",
        "interpolate",
        "mean",
        "mul",
        "multiply",
        "neg",
        "sub",
        "subtract",
        "sum",
        "true_divide",
    )
)
#: Of these, those whose gradient hands on as much as it gets.
AVERAGES = frozenset(("adaptive_avg_pool2d", "avg_pool2d", "interpolate", "mean"))
#: Act on each value alone: relevance passes.
ACTIVATIONS = frozenset(
    (
        "celu",
        "elu",
        "gelu",
        "hardsigmoid",
        "hardswish",
        "hardtanh",
        "leaky_relu",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "softplus",
        "tanh",
    )
)
#: Of layers with weights; only known within such a layer.
WEIGHTED = frozenset(
    (
        "batch_norm",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "linear",
    )
)


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of an operation, in-place or not."""
    name = getattr(function, "__name__", "")
    return name if name.startswith("__") else name.rstrip("_")


def out_of_place(function: Callable[..., Any], args: Arguments, options: Options) -> Callable[[], Any]:
    """Return the call of a sum or activation that leaves its input as it is: relevance needs it later."""
    name, given = getattr(function, "__name__", ""), dict(options)
    if name.endswith("_") and not name.startswith("__"):
        function = getattr(torch, name.rstrip("_"))
    if "inplace" in given:
        given["inplace"] = False
    if name_of(function) in ACTIVATIONS:
        args = tuple(False if value is True else value for value in args)
    return lambda: function(*args, **given)


def tensors_in(values: object) -> Iterator[Tensor]:
    """Yield all tensors in nested tuples, lists and mappings."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Mapping):
        yield from tensors_in(list(values.values()))
    elif isinstance(values, Sequence) and not isinstance(values, str):
        for value in values:
            yield from tensors_in(value)


def signals_of(name: str, args: Arguments, result: Tensor, known: Callable[[Tensor], bool]) -> list[int]:
    """Return which arguments of a sum carry relevance, by position.

    Of a product, only the factor with the size of the result: the other is a gate, which gets none (the
    signal-takes-it-all rule of Arras et al. 2017). None at all if there are two such factors.
    """
    positions = [i for i, value in enumerate(args) if isinstance(value, Tensor) and known(value)]
    if name in ("mul", "multiply"):
        full = [i for i in positions if args[i].numel() == result.numel()]
        return full if len(full) == 1 else []
    if name in ("div", "true_divide"):
        return positions if positions == [0] else []
    return positions


class RelevanceFlow(TorchFunctionMode):
    """While it is active, sums and activations get backward passes that share relevance.

    `stabilise` keeps denominators away from 0. Averages of `evenly` itself, the input or none, share without
    regard to values, which is their gradient. The network must have been looked at (`survey.py`): operations
    that nobody knows the rule of are taken as they are here.
    """

    def __init__(self, stabilise: Callable[[Tensor], Tensor], evenly: Tensor | None = None):
        super().__init__()
        self._stabilise = stabilise
        self._even = [] if evenly is None else [evenly]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Arguments = (),
        kwargs: Options | None = None,
    ) -> Any:
        name, options = name_of(func), kwargs or {}
        read = [tensor for tensor in tensors_in(args) if tensor.requires_grad]
        if not read or not torch.is_grad_enabled():
            return func(*args, **options)
        if name in MOVES | AVERAGES and all(any(t is even for even in self._even) for t in read):
            result = func(*args, **options)
            self._even.extend(tensors_in(result))
            return result
        if name not in SUMS | ACTIVATIONS:
            return func(*args, **options)
        if name in ACTIVATIONS:
            call = out_of_place(func, args, options)
            return _Pass.apply(args[0], call)
        with torch.no_grad():
            result = out_of_place(func, args, options)()
        signals = signals_of(name, args, result, lambda tensor: tensor.requires_grad)
        fixed = [value.detach() if isinstance(value, Tensor) else value for value in args]

        def compute(*inputs: Tensor) -> Tensor:
            filled = list(fixed)
            for position, value in zip(signals, inputs, strict=True):
                filled[position] = value
            again: Tensor = out_of_place(func, tuple(filled), options)()
            return again

        inputs = [args[position] for position in signals]
        return _Share.apply(compute, self._stabilise, *inputs)


class _Pass(torch.autograd.Function):
    """An activation that hands relevance on."""

    @staticmethod
    def forward(_ctx: Any, _value: Tensor, call: Callable[[], Tensor]) -> Tensor:
        return call()

    @staticmethod
    def backward(_ctx: Any, *relevance: Tensor) -> tuple[Tensor, None]:
        return relevance[0], None


class _Share(torch.autograd.Function):
    """`y = f(x_1, x_2, ...)`, linear: `R_i = x_i * df/dx_i^T (R / y)`, the epsilon rule without weights."""

    @staticmethod
    def forward(
        ctx: Any, compute: Callable[..., Tensor], stabilise: Callable[[Tensor], Tensor], *inputs: Tensor
    ) -> Tensor:
        ctx.compute, ctx.stabilise = compute, stabilise
        ctx.save_for_backward(*inputs)
        return compute(*inputs)

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> tuple[Tensor | None, ...]:
        inputs = [value.detach().requires_grad_() for value in ctx.saved_tensors]
        with torch.enable_grad():
            result = ctx.compute(*inputs)
        gradients = torch.autograd.grad(result, inputs, relevance[0] / ctx.stabilise(result.detach()))
        return None, None, *(value.detach() * g for value, g in zip(inputs, gradients, strict=True))


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
