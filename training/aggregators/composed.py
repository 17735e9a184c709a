"""Ours: the learnt chain rule over nested experts (`core/model/aggregation.py`) as a module, and how it is
fitted. The paper's learnt rules are in `learnt.py`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.base.errors import InputError
from ...core.base.progress import Reporter
from ...core.model.aggregation import aggregate, composed, nested_channels
from ...core.model.card import Composition, ModelCard
from ...core.model.torch_setup import one_thread
from ..losses.cross_entropy import rule_weights
from .learnt import LogitSample


class ComposedRule(nn.Module):
    """Composition of nested experts with learnt gates, weights and biases; it begins as `conditional`.

    Args:
        responsible: `[K][C]`, nested, K at least 2.

    Raises:
        InputError: if there is one expert only, or the groups are not nested.
    """

    def __init__(self, responsible: Sequence[Sequence[bool]]):
        super().__init__()
        if len(responsible) < 2:
            raise InputError("The aggregation 'composed' needs several experts, but there is one only.")
        self.channels = nested_channels(responsible, "composed")
        k, c = len(responsible), len(responsible[0])
        gate = torch.zeros(k - 1, k * (k - 1))
        for level in range(k - 1):  # expert k's own opinion of the next group
            gate[level, level * (k - 1) + level] = 1
        self.gate = nn.Parameter(gate)
        self.gate_bias = nn.Parameter(torch.zeros(k - 1))
        self.voices = nn.Parameter(torch.eye(k))  # the lower triangle
        self.bias = nn.Parameter(torch.zeros(c))

    def forward(self, logits: Tensor) -> Tensor:
        """Map `[B, K, C, H, W]` to log-probabilities `[B, C, H, W]`."""
        return composed(
            logits.unbind(1),
            self.channels,
            gate=[row.unbind() for row in self.gate.unbind()],
            gate_bias=self.gate_bias.unbind(),
            voices=[row[: k + 1].unbind() for k, row in enumerate(self.voices.unbind())],
            bias=self.bias.unbind(),
        )

    def composition(self, offset: Sequence[float]) -> Composition:
        """Return what was learnt, with an offset `[C]` of the class scores, as a bundle holds it."""
        return Composition(
            gate=tuple(map(tuple, self.gate.tolist())),
            gate_bias=tuple(self.gate_bias.tolist()),
            voices=tuple(tuple(row[: k + 1]) for k, row in enumerate(self.voices.tolist())),
            bias=tuple(self.bias.tolist()),
            offset=tuple(offset),
        )


#: Power of the class weights while learning: between overall and mean accuracy. What it is matters little,
#: for the operating point is chosen afterwards.
_BALANCE = 0.55
_ITERATIONS = 80
#: Between which log odds the operating point is sought, and how often the interval is halved.
_SHIFTS, _HALVINGS = (-8.0, 8.0), 30
#: Pull towards `conditional`, where the rule begins, so that few pixels move it little.
_PULL = 1e-4


@one_thread()  # sums of several threads differ from machine to machine
def fit_composition(sample: LogitSample, card: ModelCard, reference: str, reporter: Reporter) -> Composition:
    """Learn to compose experts; the result calls as many pixels rare as the reference does.

    Rare is what the narrowest expert answers for: the number of pixels to verify is kept, and only the places
    change. Few numbers are learnt (29 for three experts and nine classes), by L-BFGS on all pixels at once,
    so the same pixels always give the same rule.

    Args:
        sample: pixels of tiles with labels.
        card: of the experts' model, whose training pixel counts say how rare classes are.
        reference: an aggregation without anything learnt.

    Raises:
        InputError: if the experts are not nested, a class has no training pixel, or the sample has none of
            the narrowest expert's classes.
    """
    rule = new_rule(card)
    _check_present(sample, card)
    _learn(rule, sample, card, reporter)
    image = _as_image(sample.logits)
    of_rare = torch.tensor(card.responsible[-1])

    def called(scores: Tensor) -> float:
        return float(sample.weights[of_rare[scores.argmax(1)]].sum())

    with torch.inference_mode():
        wanted = called(_pixels(aggregate(image, reference, card.responsible)))
        scores = _pixels(rule(image))
        shift = _sought(lambda s: called(scores + s * of_rare), wanted)
    return rule.composition((shift * of_rare).tolist())


def new_rule(card: ModelCard) -> ComposedRule:
    """Return a rule that has learnt nothing yet.

    Raises:
        InputError: if the experts of the model cannot be composed, or a class has no training pixel.
    """
    names = [c.name for c, n in zip(card.classes, card.pixel_counts, strict=True) if not n]
    if names:
        raise InputError(
            f"The model was trained without a pixel of {names[0]}, so how rare it is cannot be told; train a "
            "model without that class."
        )
    return ComposedRule(card.responsible)


def _check_present(sample: LogitSample, card: ModelCard) -> None:
    rare = [c for c, answers in enumerate(card.responsible[-1]) if answers]
    if not any((sample.labels == c).any() for c in rare):
        names = " or ".join(card.classes[c].name for c in rare)
        raise InputError(
            f"The tiles hold no pixel of {names}, so there is nothing to learn of rare classes; choose "
            "another split or more tiles."
        )


def _learn(rule: ComposedRule, sample: LogitSample, card: ModelCard, reporter: Reporter) -> None:
    weights = torch.tensor(rule_weights(card.pixel_counts, _BALANCE))[sample.labels] * sample.weights
    weights = weights / weights.sum()
    image, start = _as_image(sample.logits), [p.detach().clone() for p in rule.parameters()]
    optimizer = torch.optim.LBFGS(rule.parameters(), max_iter=_ITERATIONS, line_search_fn="strong_wolfe")
    calls = 0

    def closure() -> float:
        nonlocal calls
        calls += 1
        reporter.progress(min(calls, _ITERATIONS), _ITERATIONS, "steps of learning")
        optimizer.zero_grad()
        fault = (F.cross_entropy(_pixels(rule(image)), sample.labels, reduction="none") * weights).sum()
        pull = sum(((p - p0) ** 2).sum() for p, p0 in zip(rule.parameters(), start, strict=True))
        (fault + _PULL * pull).backward()
        return float(fault.detach())

    optimizer.step(closure)


def _sought(measured: Callable[[float], float], wanted: float) -> float:
    """Return the shift at which something that rises with it reaches what is wanted."""
    low, high = _SHIFTS
    for _ in range(_HALVINGS):
        shift = (low + high) / 2
        low, high = (shift, high) if measured(shift) < wanted else (low, shift)
    return (low + high) / 2


def _as_image(logits: Tensor) -> Tensor:
    """Return `[N, K, C]` as `[1, K, C, N, 1]`."""
    return logits.permute(1, 2, 0).contiguous()[None, ..., None]


def _pixels(scores: Tensor) -> Tensor:
    """Return `[1, C, N, 1]` as `[N, C]`."""
    return scores[0, :, :, 0].T
