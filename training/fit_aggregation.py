"""Teaches a finished model how to join its experts: the job `fit_aggregation`, from a bundle and tiles to a
bundle with the aggregation `composed`. What is learnt, and how, lives in
`training/aggregators/composed.py`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..core.base.errors import InputError
from ..core.base.progress import SILENT, Reporter
from ..core.evaluation.scores import Scores, scores
from ..core.model.bundle import load_bundle, save_bundle
from ..core.model.card import ModelCard
from ..core.model.network import MceNetwork
from .aggregators.composed import fit_composition, new_rule
from .aggregators.learnt import PIXELS, logit_area, sample_pixels
from .config import Config, read_config
from .data.tiles import Area, TileSet
from .evaluate import all_rules, evaluate_rules, score_line
from .formats import classes_of, format_of, open_splits, sources_of
from .requests import FitAggregationRequest, SplitName

LEARNT = "composed"
#: Tiles read and judged at once.
_CHUNK = 32


@dataclass(frozen=True)
class JoinResult:
    """The bundle, the reference, and both rules' scores on a split; None where none was left to score on."""

    model: Path
    reference: str
    scored_on: SplitName | None
    scores: Mapping[str, Scores]


def fit_aggregation(request: FitAggregationRequest, reporter: Reporter) -> JoinResult:
    """Learn `composed`, score it beside the reference, and write a bundle that uses it by default.

    Raises:
        InputError: if the tiles lack the split, are not of the model's sources and classes, or hold no rare
            pixel, or the reference is itself learnt.
        ModelError, OutputError, Cancelled.
    """
    bundle = load_bundle(request.model)
    card, network = bundle.card, bundle.network()
    reference = _reference(request, card)
    new_rule(card)  # before tiles are read
    splits = _splits(request, card, reporter)
    tiles = splits[request.split]
    sample = sample_pixels(_logits(tiles, network, card, reporter), card, max(1, PIXELS // len(tiles.names)))
    told = {"tiles": str(request.config), "split": request.split, "reference": reference}
    learnt = card.model_copy(
        update={
            "composition": fit_composition(sample, card, reference, reporter),
            "aggregation": LEARNT,
            "provenance": card.provenance | {"composition": told},
        }
    )
    others: list[SplitName] = ["test", "val"]
    scored_on = next((name for name in others if name in splits and name != request.split), None)
    found: dict[str, Scores] = {}
    if scored_on is not None:
        found = _scored(splits[scored_on], network, learnt, reference, reporter)
        for rule in (reference, LEARNT):
            reporter.log(score_line(scored_on, rule, found[rule]))
        names = [c.name for c in card.classes]
        learnt = learnt.model_copy(update={"scores": {rule: s.as_json(names) for rule, s in found.items()}})
    request.output.parent.mkdir(parents=True, exist_ok=True)
    save_bundle(request.output, learnt, bundle.weights, dtype=_dtype(bundle.weights))
    return JoinResult(request.output, reference, scored_on, found)


def _reference(request: FitAggregationRequest, card: ModelCard) -> str:
    """Return the rule that is kept up with: of a model that has learnt already, the one it kept up with."""
    if request.reference is not None:
        return request.reference
    if card.aggregation != LEARNT:
        return card.aggregation
    return str(card.provenance.get("composition", {}).get("reference", "mean_responsible"))


def _splits(request: FitAggregationRequest, card: ModelCard, reporter: Reporter) -> dict[str, TileSet]:
    config = read_config(request.config)
    _check_same(config, request, card)
    splits = open_splits(config, card.classes, card.sources, card.window, reporter)
    if request.split not in splits:
        raise InputError(
            f"{request.config} has no {request.split} tiles; choose one of {', '.join(splits)}, or prepare "
            "tiles with a share for it."
        )
    return splits


def _check_same(config: Config, request: FitAggregationRequest, card: ModelCard) -> None:
    """Raise InputError unless the tiles are of the model's classes, sources and pixels."""
    gsd_m = config.model.gsd_m or format_of(config.data).gsd_m
    pairs = {
        "classes": ([c.id for c in classes_of(config)], [c.id for c in card.classes]),
        "sources": (
            [(s.role, s.bands, s.gsd_m) for s in sources_of(config)],
            [(s.role, s.bands, s.gsd_m) for s in card.sources],
        ),
        "pixels": (gsd_m, card.gsd_m),
    }
    for what, (theirs, ours) in pairs.items():
        if theirs != ours:
            raise InputError(
                f"The tiles of {request.config} have other {what} than the model {card.name}; give tiles as "
                "it was trained on."
            )


def _logits(tiles: TileSet, network: MceNetwork, card: ModelCard, reporter: Reporter) -> Iterator[Area]:
    n = len(tiles.names)
    for i in range(n):
        reporter.progress(i, n, "tiles asked")
        yield logit_area(network, card, tiles.read(i))


def _scored(
    tiles: TileSet, network: MceNetwork, card: ModelCard, reference: str, reporter: Reporter
) -> dict[str, Scores]:
    """Return the scores of the learnt rule, the reference, each expert and the oracle."""
    rules = list(dict.fromkeys([*all_rules(card), reference]))
    n, n_classes = len(tiles.names), len(card.classes)
    matrices = {rule: np.zeros((n_classes, n_classes), np.int64) for rule in rules}
    for start in range(0, n, _CHUNK):
        reporter.progress(start, n, "tiles scored")
        areas = [tiles.read(i) for i in range(start, min(start + _CHUNK, n))]
        for rule, matrix in evaluate_rules(network, card, areas, rules, reporter=SILENT).items():
            matrices[rule] += matrix
    return {rule: scores(m, [c.group for c in card.classes]) for rule, m in matrices.items()}


def _dtype(weights: Mapping[str, Tensor]) -> torch.dtype:
    """Return the smallest type that holds the weights of convolutions and dense layers as they are."""
    large = [w for w in weights.values() if w.is_floating_point() and w.dim() > 1]
    for dtype in (torch.bfloat16, torch.float16):
        if all(torch.equal(w.to(dtype).to(w.dtype), w) for w in large):
            return dtype
    return torch.float32
