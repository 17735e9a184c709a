"""Layer-wise relevance propagation with zennit: which rule each layer gets, and one pass that sends a score
back to the inputs.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import ModelError
from ..model.torch_setup import lrp_rules
from .survey import RelevanceFlow, Survey, survey

zennit: Any = lrp_rules()
Stabiliser = Callable[[Tensor], Tensor]
#: Denominators are kept this far from 0, and are exact beyond: an epsilon that is added takes relevance away.
SMALLEST = 1e-9


@dataclass(frozen=True)
class Rules:
    """Rules by kind of layer, as zennit's hooks.

    Attributes:
        first: layers that read the input.
        convolution: all other convolutions.
        linear: linear layers, and convolutions that give logits: those are linear layers at each pixel.
        stabiliser: of sums, means and interpolation, which follow the epsilon rule.
        flat: are averages of the input itself shared evenly, as the flat rule does?
    """

    first: Any
    convolution: Any
    linear: Any
    stabiliser: Stabiliser
    flat: bool


def epsilon_plus_flat(n_bands: Sequence[int] = (), smallest: float = SMALLEST) -> Rules:
    """Return the composite EpsilonPlusFlat (Lapuschkin et al. 2019; docs/science/methods.md section 4): the
    flat rule for layers that read the input, z+ for other convolutions, epsilon for linear layers.

    The flat rule itself gives every band the same. With the number of bands of each source, `FlatBySource`
    stands in its place, which shares between sources by contribution; the sum over all bands is the same.
    """
    keep, rules = stabiliser(smallest), zennit.rules
    first = FlatBySource(n_bands, keep) if len(n_bands) > 1 else rules.Flat(stabilizer=keep)
    return Rules(first, PositiveFirst(keep), rules.Epsilon(epsilon=keep), keep, flat=True)


def epsilon_zero(smallest: float = SMALLEST) -> Rules:
    """Return the epsilon rule with epsilon 0: gradient x input in a ReLU network without biases."""
    keep = stabiliser(smallest)
    rule = zennit.rules.Epsilon(epsilon=keep)
    return Rules(rule, rule, rule, keep, flat=False)


def stabiliser(smallest: float) -> Stabiliser:
    """Return what moves numbers that are closer to 0 than `smallest` that far away, on their side."""
    keep: Stabiliser = zennit.core.Stabilizer(epsilon=smallest, clip=True)
    return keep


def composite_of(seen: Survey, rules: Rules) -> Any:
    """Return zennit's composite for a network that was looked at; earlier entries win."""
    name_map = [(seen.first, rules.first), (seen.heads, rules.linear)]
    layer_map = [
        (zennit.types.BatchNorm, zennit.rules.Pass()),  # those that could not be merged
        (zennit.types.Convolution, rules.convolution),
        (zennit.types.Linear, rules.linear),
    ]
    merge = MergeBatchNorm([((layer,), norm) for layer, norm in seen.merges])
    return zennit.composites.NameLayerMapComposite(name_map, layer_map, [merge])


class PositiveFirst(zennit.core.Hook):
    """The z+ rule: an output shares its relevance between its positive contributions. Where it has none, as
    an output of a depthwise convolution or of a residual branch may, it does so between the negative ones; z+
    alone loses that relevance.
    """

    def __init__(self, keep: Stabiliser):
        super().__init__()
        self._keep = keep

    def forward(self, _module: nn.Module, args: tuple[Tensor, ...], _output: Tensor) -> None:
        """Keep what the layer reads."""
        self.stored_tensors["input"] = args

    def backward(
        self, module: nn.Module, _grad_input: tuple[Tensor, ...], grad_output: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        """Return the relevance of the input from that of the output."""
        values, relevance = self.stored_tensors["input"][0].detach(), grad_output[0]
        inputs, total = _contributions(module, values, positive=True)
        some = total.detach() > 0
        shared = self._share(inputs, total, torch.where(some, relevance, 0.0))
        rest = torch.where(some, 0.0, relevance)
        if bool(rest.any()):
            shared += self._share(*_contributions(module, values, positive=False), rest)
        return (shared,)

    def copy(self) -> "PositiveFirst":
        """Return a hook of its own for another layer."""
        return PositiveFirst(self._keep)

    def _share(self, inputs: list[Tensor], total: Tensor, relevance: Tensor) -> Tensor:
        gradients = torch.autograd.grad(total, inputs, relevance / self._keep(total.detach()))
        return torch.stack([i.detach() * g for i, g in zip(inputs, gradients, strict=True)]).sum(0)


def _contributions(
    module: nn.Module, values: Tensor, *, positive: bool, bias: bool = True
) -> tuple[list[Tensor], Tensor]:
    """Return the positive and the negative half of the values, and the sum of the layer's products of either
    sign, with its bias of that sign unless that is left out, which the halves have a gradient of.
    """
    inputs, outputs = [], []
    for upper in (True, False):
        half = values.clamp(min=0.0) if upper else values.clamp(max=0.0)
        if not upper and not bool(half.any()):  # behind a ReLU
            continue
        bounds = {"min": 0.0} if upper == positive else {"max": 0.0}
        modifier = zennit.rules.ClampMod(**bounds, zero_params=None if upper and bias else "bias")
        inputs.append(half.requires_grad_())
        with torch.enable_grad(), modifier(module) as clamped:
            outputs.append(clamped.forward(half))
    with torch.enable_grad():
        return inputs, torch.stack(outputs).sum(0)


class MergeBatchNorm(zennit.canonizers.NamedMergeBatchNorm):
    """zennit's, but exact: its merged batch norm still divides by the root of 1 + eps, which adds up where
    eps is large (0.001 in Inception)."""

    @staticmethod
    def merge_batch_norm(modules: Sequence[nn.Module], batch_norm: Any) -> None:
        """Move a batch norm into the layers before it, and leave the identity."""
        zennit.canonizers.MergeBatchNorm.merge_batch_norm(modules, batch_norm)
        batch_norm.running_var.data -= batch_norm.eps


class FlatBySource(zennit.core.Hook):
    """The flat rule within each source, z+ between them.

    The relevance of an output of the layer is shared between sources as they contribute positively to it,
    and the share of a source evenly over its bands and pixels under the kernel. A layer that does not read
    all bands has the plain flat rule.
    """

    def __init__(self, n_bands: Sequence[int], keep: Stabiliser):
        super().__init__()
        self._n_bands, self._keep = tuple(n_bands), keep

    def forward(self, _module: nn.Module, args: tuple[Tensor, ...], _output: Tensor) -> None:
        """Keep what the layer reads."""
        self.stored_tensors["input"] = args

    def backward(
        self, module: nn.Module, _grad_input: tuple[Tensor, ...], grad_output: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        """Return the relevance of the input from that of the output."""
        values = self.stored_tensors["input"][0].detach()
        with torch.no_grad():
            halves = [_contributions(module, p, positive=True, bias=False) for p in self._split(values)]
            positive = [total.detach() for _, total in halves]
            counts = [_with_ones(module, part) for part in self._split(torch.ones_like(values))]
            total, count = torch.stack(positive).sum(0), torch.stack(counts).sum(0)
            shares = [
                torch.where(total > 0, part / self._keep(total), n / count)
                for part, n in zip(positive, counts, strict=True)
            ]
        relevance = torch.zeros_like(values)
        for part, n, share in zip(self._split(torch.ones_like(values)), counts, shares, strict=True):
            part.requires_grad_()
            with torch.enable_grad():
                flat = _with_ones(module, part)
            (gradient,) = torch.autograd.grad(flat, part, grad_output[0] * share / n.clamp(min=1))
            relevance += gradient * part.detach()
        return (relevance,)

    def copy(self) -> "FlatBySource":
        """Return a hook of its own for another layer."""
        return FlatBySource(self._n_bands, self._keep)

    def _split(self, values: Tensor) -> list[Tensor]:
        """Return the values once per source, those of other sources 0."""
        if values.dim() != 4 or sum(self._n_bands) != values.shape[1]:
            return [values.clone()]
        parts = []
        for index, part in enumerate(values.split(self._n_bands, dim=1)):
            before, after = sum(self._n_bands[:index]), sum(self._n_bands[index + 1 :])
            parts.append(nn.functional.pad(part, (0, 0, 0, 0, before, after)))
        return parts


def _with_ones(module: nn.Module, values: Tensor) -> Tensor:
    """Return the layer's output for weights that are all 1, without bias."""
    modifier = zennit.core.ParamMod(lambda weight, _: torch.ones_like(weight), zero_params="bias")
    with modifier(module) as ones:
        result: Tensor = ones.forward(values)
    return result


#: How far merging batch norms may move the logits, relative to the largest.
_TOLERANCE = 1e-3


class Explainer:
    """Gives the relevance of every value of an input to chosen logits of one network.

    The network itself is not touched. Its batch norms are merged into the convolutions before them.
    `example_output` is what it gave for the example.
    """

    def __init__(self, network: nn.Module, example: Tensor, rules: Rules | None = None):
        """Look at the network with an example `[B, bands, H, W]` of its inputs.

        Raises:
            ModelError: if the network does something that relevance has no rule for.
        """
        self._network = copy.deepcopy(network).eval().requires_grad_(False)
        self._rules = rules or epsilon_plus_flat()
        with torch.no_grad():
            self.example_output = self._network(example.clone())
        self._composite = composite_of(survey(self._network, example), self._rules)
        self._require_same(example, self.example_output)

    def relevance(self, inputs: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return the relevance of the inputs to `sum(weights * logits)`, and the logits.

        In a network without biases the relevance sums up to that value; a bias keeps its own share.

        Args:
            inputs: normalised `[B, bands, H, W]`.
            weights: of the network's outputs, in their shape.

        Returns:
            Relevance `[B, bands, H, W]`, and the logits.
        """
        inputs = inputs.detach().clone().requires_grad_()
        flow = RelevanceFlow(self._rules.stabiliser, inputs if self._rules.flat else None)
        with torch.enable_grad(), self._composite.context(self._network):
            with flow:
                logits = self._network(inputs)
            (relevance,) = torch.autograd.grad(logits, inputs, weights * logits.detach())
        return relevance.detach(), logits.detach()

    def _require_same(self, example: Tensor, expected: Tensor) -> None:
        """Refuse a network that what was done to it changes: another one would be explained."""
        with self._composite.context(self._network), RelevanceFlow(self._rules.stabiliser):
            found = self._network(example.detach().clone().requires_grad_()).detach()
        if not torch.allclose(
            found, expected, rtol=_TOLERANCE, atol=_TOLERANCE * float(expected.abs().max())
        ):
            raise ModelError(
                "The network gives other logits once batch norms are merged and sums are new tensors, "
                "so it cannot be explained."
            )
