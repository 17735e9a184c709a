"""Fits learnt aggregations to the logits of frozen experts, which are worked out once and then stand for the
image: fitting is quick and the same module and trainer do it."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from ....core.base.progress import Reporter
from ....core.model.aggregation import aggregate
from ....core.model.card import ModelCard, Normalisation, SourceSpec
from ....core.model.network import MceNetwork
from ...aggregators.composed import fit_composition
from ...aggregators.learnt import PIXELS, StackedLogits, fit_rule, logit_area, sample_pixels
from ...config import TrainerSettings
from ...data.module import TileData
from ...data.patches import PatchSampler
from ...data.samples import Augmentation, TrainingPatches
from ...data.tiles import Area, TileSet
from ...evaluate import Rule
from .study import ComposedRuleSpec, FittedRules, TrainedRuleSpec

_BATCH = 8


def fit_rules(
    fitted: FittedRules,
    network: MceNetwork,
    card: ModelCard,
    tiles: TileSet,
    *,
    seed: int,
    reporter: Reporter,
) -> dict[str, Rule]:
    """Return the rules by name, fitted to the tiles.

    Raises:
        see `fit_rule`.
    """
    areas = [logit_area(network, card, tiles.read(i)) for i in range(0, len(tiles.names), fitted.every)]
    found: dict[str, Rule] = {}
    for name, spec in fitted.rules.items():
        reporter.log(f"Fitting the rule {name} to {len(areas)} tiles.")
        if isinstance(spec, ComposedRuleSpec):
            pixels = sample_pixels(areas, card, PIXELS // len(areas), seed)
            learnt = fit_composition(pixels, card, spec.as_rare_as, reporter)
            found[name] = partial(
                aggregate, name="composed", responsible=card.responsible, composition=learnt
            )
        else:
            trainer = TrainerSettings(epochs=fitted.epochs, device="cpu")
            data = _patches(spec, fitted.patches, areas, card, seed)
            found[name] = _trained(spec, data, card, trainer, reporter)
    return found


def _patches(spec: TrainedRuleSpec, patches: int, areas: list[Area], card: ModelCard, seed: int) -> TileData:
    sampler = PatchSampler(areas, [c.id for c in card.classes], spec.window, balanced=0.0)
    drawn = TrainingPatches(sampler, patches, Augmentation("none"), seed)
    return TileData(drawn, batch_size=_BATCH, workers=0, seed=seed)


def _trained(
    spec: TrainedRuleSpec, data: TileData, card: ModelCard, trainer: TrainerSettings, reporter: Reporter
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


def logits_card(card: ModelCard) -> ModelCard:
    """Return a card whose one source are the experts' logits, `K C` bands, as they are."""
    n = len(card.experts) * len(card.classes)
    plain = Normalisation(mean=(0.0,) * n, std=(1.0,) * n)
    source = SourceSpec(
        role="logits", bands=tuple(f"z{i}" for i in range(n)), gsd_m=card.gsd_m, normalisation=plain
    )
    return card.model_copy(update={"sources": (source,)})
