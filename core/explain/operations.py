"""What a network does between its layers with weights - sums, means, interpolation, activations, gates - and
how relevance goes back through each. Rules for layers with weights are zennit's; they are chosen in `lrp.py`.

A network calls such operations in code of its own, which no hook on a layer sees (the residual sum of a
ResNet, the upsampling of a U-Net); they are caught where they reach torch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

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
