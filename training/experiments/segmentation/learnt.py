"""Fits learnt aggregations to the logits of frozen experts, which are worked out once and then stand for the
image: fitting is quick and the same module and trainer do it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from ....core.card import ModelCard, Normalisation, SourceSpec
from ....core.network import MceNetwork
from ....core.normalise import Normaliser
from ....core.progress import Reporter
from ...aggregators.fit import StackedLogits, fit_rule
from ...data.area import Area
from ...data.module import TileData
from ...data.patches import PatchSampler
from ...data.samples import Augmentation, TrainingPatches
from ...data.tiles import TileSet
from ...data.windows import cut, places
from ...settings import TrainerSettings
from .study import FittedRules

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
    stacked = logits_card(card)
    found = {}
    for name, rule in fitted.rules.items():
        reporter.log(f"Fitting the rule {name} to {len(areas)} tiles.")
        sampler = PatchSampler(areas, [c.id for c in card.classes], rule.window, balanced=0.0)
        patches = TrainingPatches(sampler, fitted.patches, Augmentation("none"), seed)
        data = TileData(patches, batch_size=_BATCH, workers=0, seed=seed)
        with TemporaryDirectory() as folder:
            result = fit_rule(
                rule.name,
                StackedLogits(len(card.experts)),
                stacked,
                data,
                folder=Path(folder),
                reporter=reporter,
                trainer=TrainerSettings(epochs=fitted.epochs, device="cpu"),
                balance=rule.balance,
                lr=rule.lr,
                seed=seed,
            )
        found[name] = result.rule
    return found


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
