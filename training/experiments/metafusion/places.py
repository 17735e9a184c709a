"""False and missed rare places on embedded alpine scenes: of the plain map, after MetaFusion, after
filtering, after both; fitted to some scenes and judged on others. The scenes are synthetic.

    python -m mce_landcover.training.experiments.metafusion.places CONFIG OUT
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ....core.base.errors import InputError
from ....core.base.progress import Reporter
from ....core.flagging.alternatives import Alternatives
from ....core.flagging.boosting import MetaSettings
from ....core.flagging.candidates import Candidates, find_candidates
from ....core.flagging.classifier import MetaClassifier, Origin, fit_with_validation
from ....core.flagging.cross_validation import effort_to_find, refusal_points, review_effort, roc_auc
from ....core.flagging.fusion import accept, refuse
from ....core.flagging.kinds import DOUBTFUL, KINDS, MISSED
from ....core.flagging.pixels import RunPixels
from ....core.flagging.rule import likely_real
from ....core.flagging.training_set import TrainingSet, enough_tiles, known_candidates
from ....core.geodata.grid import Region
from ....core.geodata.labels import open_run_labels
from ....core.segments.counting import Errors, count_errors
from ..command import ExperimentSettings, run_experiment
from ..report import Cell, Outcome, Table, spread
from .natural_priors import write_natural
from .scenes import MappedScene, candidate_numbers, map_scenes
from .sweep import CONFIGS

#: The largest share of the true places that filtering may lose, by scores out of fold.
LOST = 0.05
#: Prices that are tried for it, the dearest last.
PRICES = (*range(1, 10), *range(10, 100, 5), *range(100, 1001, 50))
#: Prices that are tabulated on the unseen scenes.
SHOWN = (5, 10, 20, 30, 50)
WAYS = ("plain map", "MetaFusion", "filtered", "both")
ORDERS = ("score", "area", "margin", "expert agreement")


class PlacesSettings(ExperimentSettings):
    """The config file of this experiment.

    Attributes:
        seeds: of the scenes; the demo model was trained on 101 to 116 and chosen on 201 and 202.
        size_m: side of each scene.
        model: "demo" or a bundle for the same sources and classes.
        draws: how often the scenes are dealt out anew, each with another seed.
        n_fit: scenes that a classifier is fitted to; it is judged on the others.
        tile_m: side of the tiles that are never split between folds.
        accepted_per_find: false alarms accepted per missed place found.
    """

    seeds: tuple[int, ...] = Field(min_length=3)
    size_m: float = 1000
    model: str = "demo"
    draws: int = Field(default=3, ge=1)
    n_fit: int = Field(default=8, ge=2)
    tile_m: float = Field(default=250, gt=0)
    accepted_per_find: float = Field(default=1.0, ge=0)


@dataclass(frozen=True, eq=False)
class Ground:
    """A mapped scene in memory: candidates with their truth, the map, the labels, what the map would say
    instead, and which missed and doubtful place each pixel belongs to (1..n, 0 for none), all `[H, W]`.
    """

    found: Candidates
    crs: str
    mapped: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    instead: NDArray[np.uint8]
    numbers: Mapping[str, NDArray[np.int64]]

    def of(self, kind: str) -> Candidates:
        """Return the candidates of a kind."""
        return self.found.take(self.found.kinds == kind)


def read_ground(scene: MappedScene) -> Ground:
    """Find the candidates of both kinds in a scene."""
    with RunPixels(scene.run) as pixels:
        record, whole = pixels.record, Region(0, pixels.shape[0], 0, pixels.shape[1])
        class_ids = [c.id for c in record.classes if c.group == "tail"]
        rare = np.isin(np.arange(256), class_ids)
        with open_run_labels(scene.labels, pixels.grid, pixels.extent, record.classes) as labels:
            found = find_candidates(pixels, class_ids, kinds=KINDS, labels=labels)
            truth = labels.read(whole)
        ids = np.append(pixels.class_ids, 255).astype(np.uint8)
        ml = ids[np.minimum(pixels.classes(whole), len(pixels.class_ids))]
        mapped = pixels.mapped(whole)
    alternatives = Alternatives(record)
    instead = alternatives.read(whole, np.where(rare[mapped], mapped, 255).astype(np.uint8))
    alternatives.close()
    images = {MISSED: ml, DOUBTFUL: mapped}
    numbers: dict[str, NDArray[np.int64]] = {}
    for kind, image in images.items():
        own = found.take(found.kinds == kind)
        numbers[kind] = candidate_numbers(image, own.class_ids, own.table.first)
    return Ground(found, record.grid.crs, mapped, truth, instead, numbers)


def fused(ground: Ground, found: NDArray[np.bool_], out: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the map with the missed places `found` `[n]` in it and without the doubtful ones `out` `[m]`."""
    result = ground.mapped.copy()
    doubtful, missed = ground.of(DOUBTFUL), ground.of(MISSED)
    gone = np.append(False, out)[ground.numbers[DOUBTFUL]]
    own = np.append(0, doubtful.class_ids)[ground.numbers[DOUBTFUL]]
    gone &= ground.mapped == own
    result[gone] = ground.instead[gone]
    added = np.append(False, found)[ground.numbers[MISSED]]
    result[added] = np.append(0, missed.class_ids)[ground.numbers[MISSED]][added]
    return result


def errors_of(ground: Ground, mapped: NDArray[np.uint8]) -> Errors:
    """Count the errors of a map, all rare classes together."""
    total = Errors()
    for class_id in np.unique(ground.found.class_ids).tolist():
        total = total.plus(count_errors(mapped, ground.labels, class_id))
    return total


def cheapest(changes: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the lowest price of `PRICES` that loses at most LOST of the true places, else the highest."""
    points = refusal_points(changes, scores, PRICES)
    return next((p.kept_per_loss for p in points if p.share_lost <= LOST), float(PRICES[-1]))


def judge(settings: PlacesSettings, grounds: Sequence[Ground], draw: int) -> dict[str, Any]:
    """Deal the scenes out, fit to some and judge on the others; return all numbers of the draw."""
    order = np.random.default_rng(settings.seed + draw).permutation(len(grounds))
    seen, unseen = order[: settings.n_fit], order[settings.n_fit :]
    training = TrainingSet.join([known_candidates(grounds[i].found, grounds[i].crs) for i in seen])
    groups, _ = enough_tiles(training, settings.tile_m, 5)
    meta, validations = fit_with_validation(
        training.examples(groups), MetaSettings(seed=draw), Origin(), iou=training.iou
    )
    if DOUBTFUL not in validations:
        raise InputError(
            "The maps say none of the rare classes, so no place is doubtful; take larger scenes."
        )
    own = validations[DOUBTFUL]
    price = cheapest(~own.targets, 1 - own.scores)
    test = [grounds[i] for i in unseen]
    false = [1 - meta.score(ground.of(DOUBTFUL).features) for ground in test]
    ways = {way: Errors() for way in WAYS}
    for ground, scores in zip(test, false, strict=True):
        found = accept(meta.score(ground.of(MISSED).features), settings.accepted_per_find)
        out = refuse(scores, price)
        for way in WAYS:
            some = fused(ground, found & (way in WAYS[1::2]), out & (way in WAYS[2:]))
            ways[way] = ways[way].plus(errors_of(ground, some))
    return {
        "draw": draw,
        "price": price,
        "errors": {way: errors._asdict() for way, errors in ways.items()},
        "by_price": {str(shown): _gain(test, false, shown, ways[WAYS[0]]) for shown in SHOWN},
        **_ranking(meta, Candidates.join([ground.of(DOUBTFUL) for ground in test])),
    }


def _gain(
    test: Sequence[Ground], false: Sequence[NDArray[np.float64]], price: float, plain: Errors
) -> dict[str, float]:
    """Return the shares of the false places that filtering at a price takes out, and of the found ones that
    it loses, in percent.
    """
    left = Errors()
    for ground, scores in zip(test, false, strict=True):
        none = np.zeros(len(ground.of(MISSED)), np.bool_)
        left = left.plus(errors_of(ground, fused(ground, none, refuse(scores, price))))
    taken_out, lost = 1 - left.fp / max(1, plain.fp), 1 - left.tp / max(1, plain.tp)
    return {"taken_out": 100 * taken_out, "lost": 100 * lost}


def _ranking(meta: MetaClassifier, doubtful: Candidates) -> dict[str, Any]:
    """Return how soon each order of the doubtful places finds the false ones."""
    assert doubtful.target is not None
    real = meta.score(doubtful.features)
    orders = {
        "score": 1 - real,
        "area": -doubtful.table.n_pixels.astype(np.float64),
        "margin": doubtful.table.metrics["M"],
        "expert agreement": 1 - likely_real(doubtful.features),
    }
    false = ~doubtful.target
    looks = {name: effort_to_find(review_effort(false, order), 0.8) for name, order in orders.items()}
    return {
        "n_doubtful": len(false),
        "n_false": int(false.sum()),
        "auc": {name: roc_auc(false, order) for name, order in orders.items()},
        "looks_for_80_percent": {name: look / len(false) for name, look in looks.items()},
        "iou_r2": meta.outlines.r2,
    }


def run(settings: PlacesSettings, output: Path, reporter: Reporter) -> Outcome:
    """Make and map the scenes that OUT does not hold, at both operating points, and judge."""
    natural = str(write_natural(settings.model, output / "natural_priors.safetensors"))
    results: dict[str, Any] = {}
    for name, model in (("as shipped", settings.model), ("natural priors", natural)):
        scenes = map_scenes(
            settings.seeds,
            settings.size_m,
            output / name.replace(" ", "_"),
            model=model,
            device="cuda" if settings.device.startswith("cuda") else "cpu",
            reporter=reporter,
        )
        grounds = [read_ground(scene) for scene in scenes]
        results[name] = [judge(settings, grounds, draw) for draw in range(settings.draws)]
        reporter.log(f"{name}: judged {settings.draws} times.")
    return outcome_of(settings, results)


def outcome_of(settings: PlacesSettings, results: Mapping[str, Sequence[Mapping[str, Any]]]) -> Outcome:
    """Return the tables of the numbers of each draw, by operating point."""
    n_test = len(settings.seeds) - settings.n_fit
    tables = []
    for name, draws in results.items():
        mean = partial(_over, draws)
        rows: list[list[Cell]] = [
            [way, *(mean("errors", way, key) for key in ("fp", "fn", "tp"))] for way in WAYS
        ]
        caption = f"Model {name}: places on {n_test} unseen scenes, mean and spread over {len(draws)} draws"
        tables.append(Table(caption, ("", "false", "missed", "found"), rows))
        prices: list[list[Cell]] = [
            [price, *(mean("by_price", str(price), key) for key in ("taken_out", "lost"))] for price in SHOWN
        ]
        heads = ("false places kept per loss", "false ones taken out, %", "found ones lost, %")
        tables.append(Table(f"Model {name}: filtering at a price", heads, prices))
        orders: list[list[Cell]] = [
            [order, mean("auc", order, digits=3), mean("looks_for_80_percent", order, digits=3)]
            for order in ORDERS
        ]
        heads = ("doubtful places ranked by", "ROC AUC", "share looked at for 80 % of the false ones")
        tables.append(Table(f"Model {name}: finding false places", heads, orders))
    return Outcome(
        title="False and missed rare places",
        data=(
            f"SYNTHETIC: {len(settings.seeds)} embedded scenes of {settings.size_m:g} m, the classes of the "
            f"tail; each draw fits to {settings.n_fit} scenes and judges on the others"
        ),
        tables=tables,
        results=dict(results),
        findings=[_finding(name, draws) for name, draws in results.items()],
    )


def _over(draws: Sequence[Mapping[str, Any]], *keys: str, digits: int = 1) -> str:
    """Return mean and spread of a number over the draws."""
    values = []
    for draw in draws:
        value: Any = draw
        for key in keys:
            value = value[key]
        values.append(float(value))
    return spread(values, digits)


def _finding(name: str, draws: Sequence[Mapping[str, Any]]) -> str:
    """Return in words what filtering takes out and what it loses."""
    plain, filtered = ([draw["errors"][way] for draw in draws] for way in ("plain map", "filtered"))
    out = [1 - b["fp"] / a["fp"] for a, b in zip(plain, filtered, strict=True) if a["fp"]]
    lost = [(a["tp"] - b["tp"]) / a["tp"] for a, b in zip(plain, filtered, strict=True) if a["tp"]]
    return (
        f"Model {name}: at the price that loses at most {LOST:.0%} of the true places out of fold, filtering "
        f"takes {spread(out, scale=100)} % of the false places out of the map and loses "
        f"{spread(lost, scale=100)} % of those found."
    )


if __name__ == "__main__":
    raise SystemExit(run_experiment("places", PlacesSettings, run, CONFIGS))
