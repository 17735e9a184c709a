"""Fits learnt aggregations to the logits of frozen experts, which are worked out once and then stand for the
image: fitting is quick and the same module and trainer do it."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from ....core.aggregation import aggregate
from ....core.card import ModelCard, Normalisation, SourceSpec
from ....core.network import MceNetwork
from ....core.normalise import Normaliser
from ....core.progress import Reporter
from ...aggregators.fit import StackedLogits, fit_rule
from ...aggregators.operating_point import as_rare_as
from ...data.area import Area
from ...data.module import TileData
from ...data.patches import PatchSampler
from ...data.samples import Augmentation, TrainingPatches
from ...data.tiles import TileSet
from ...data.windows import cut, places
from ...settings import TrainerSettings
from .study import FittedRules, RuleSpec

_BATCH = 8


def fit_rules(
    fitted: FittedRules,
    network: MceNetwork,
    card: ModelCard,
    tiles: TileSet,
    *,
    seed: int,
    reporter: Reporter,
) -> dict[str, nn.Module]:
    """Return the rules by name, fitted to the tiles.

    Raises:
        see `fit_rule`.
    """
    areas = [logit_area(network, card, tiles.read(i)) for i in range(0, len(tiles.names), fitted.every)]
    made: dict[RuleSpec, nn.Module] = {}
    found = {}
    for name, spec in fitted.rules.items():
        plain = spec.model_copy(update={"as_rare_as": None})
        if plain not in made:
            reporter.log(f"Fitting the rule {name} to {len(areas)} tiles.")
            data = _patches(plain, fitted.patches, areas, card, seed)
            trainer = TrainerSettings(epochs=fitted.epochs, device="cpu")
            made[plain] = _fitted(plain, data, card, trainer, reporter)
        found[name] = made[plain] if spec.as_rare_as is None else _moved(made[plain], spec, areas, card)
    return found


def _patches(spec: RuleSpec, patches: int, areas: list[Area], card: ModelCard, seed: int) -> TileData:
    sampler = PatchSampler(areas, [c.id for c in card.classes], spec.window, balanced=0.0)
    drawn = TrainingPatches(sampler, patches, Augmentation("none"), seed)
    return TileData(drawn, batch_size=_BATCH, workers=0, seed=seed)


def _fitted(
    spec: RuleSpec, data: TileData, card: ModelCard, trainer: TrainerSettings, reporter: Reporter
) -> nn.Module:
    with TemporaryDirectory() as folder:
        return fit_rule(
            spec.name,
            StackedLogits(len(card.experts)),
            logits_card(card),
            data,
            folder=Path(folder),
            reporter=reporter,
            trainer=trainer,
            balance=spec.balance,
            lr=spec.lr,
            seed=data.seed,
        ).rule


def _moved(rule: nn.Module, spec: RuleSpec, areas: list[Area], card: ModelCard) -> nn.Module:
    """Return the rule where it calls as many pixels a tail class as another aggregation does."""
    assert spec.as_rare_as is not None
    return as_rare_as(
        partial(aggregate, name=spec.as_rare_as, responsible=card.responsible),
        rule,
        [area.raw for area in areas],
        n_experts=len(card.experts),
        tail=[i for i, c in enumerate(card.classes) if c.group == "tail"],
        pixel_counts=card.pixel_counts,
    )


def logits_card(card: ModelCard) -> ModelCard:
    """Return a card whose one source are the experts' logits, `K C` bands, as they are."""
    n = len(card.experts) * len(card.classes)
    plain = Normalisation(mean=(0.0,) * n, std=(1.0,) * n)
    source = SourceSpec(
        role="logits", bands=tuple(f"z{i}" for i in range(n)), gsd_m=card.gsd_m, normalisation=plain
    )
    return card.model_copy(update={"sources": (source,)})


def logit_area(network: MceNetwork, card: ModelCard, area: Area) -> Area:
    """Return an area whose bands `[K C, H, W]` are the logits, each pixel's from the window in whose middle
    it lies."""
    device = next(network.parameters()).device
    normaliser = Normaliser(card.sources)
    n_bands = len(card.experts) * len(card.classes)
    rows, cols = area.labels.shape
    stacked = np.zeros((n_bands, rows, cols), np.float32)
    for place in places(0, (rows, cols), card.window, card.window):
        raw = torch.from_numpy(cut(area.raw, place, card.window)[None])
        with torch.inference_mode():
            logits = network(normaliser(raw).to(device))[0].flatten(0, 1).float().cpu().numpy()
        down = slice(place.top + place.rows.start, place.top + place.rows.stop)
        across = slice(place.left + place.cols.start, place.left + place.cols.stop)
        stacked[:, down, across] = logits[:, place.rows, place.cols]
    return Area(stacked, area.labels)
