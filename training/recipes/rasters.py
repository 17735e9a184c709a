"""Fits a small MCE network to one part of a labelled raster scene and scores it on another part. The scenes
themselves are described beside this, one module each."""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from ...core.base.errors import MceError
from ...core.base.progress import SILENT, Reporter
from ...core.evaluation.scores import Scores
from ...core.model.bundle import load_bundle, save_bundle
from ...core.model.card import Architecture, ExpertSpec, ModelCard, SourceSpec
from ...core.model.classes import LandCoverClass
from ..config import SourceConfig
from ..data.rasters import Bounds, keep_labels, pixel_slices, read_area
from ..data.statistics import measured_sources
from ..data.tiles import Area, count_pixels, frequency_groups
from ..evaluate import all_rules, evaluate
from ..fit import LogReporter
from ..fold_and_round import settled_weights
from ..formats import source_spec
from ..trainer import TrainSettings, train

_LOG = logging.getLogger(__name__)
#: Without the encoder's last stage, which a scene of a few hundred metres cannot fill.
SMALL = Architecture(
    decoder="deeplabv3plus", encoder="resnet18", encoder_depth=4, decoder_channels=96, expert_channels=64
)


@dataclass(frozen=True)
class Source:
    """One raster of a scene: `relief` takes off the minimum of each window, `scale` comes before it."""

    role: str
    file: str
    bands: tuple[str, ...]
    scale: float = 1.0
    relief: bool = False
    unit: str | None = None


@dataclass(frozen=True)
class SceneRecipe:
    """A labelled scene, the parts to train and to test on, and how to train.

    `classes` are (id, name, colour); other ids in the label raster count as unlabelled. `why` says how the
    split was chosen and what the labels are, and travels in the card.
    """

    name: str
    why: str
    sources: tuple[Source, ...]
    labels: str
    classes: tuple[tuple[int, str, str], ...]
    training: Bounds
    test: Bounds
    gsd_m: float
    window: int
    stride: int
    architecture: Architecture = SMALL
    settings: TrainSettings = field(default_factory=TrainSettings)


def fit_rasters(
    recipe: SceneRecipe, data: Path, output: Path, reporter: Reporter | None = None
) -> dict[str, Scores]:
    """Train on one part of a scene, write the bundle, and return its scores on the test part by rule.

    Windows of the test may look across its border, labels never do. There is no validation part: the scene
    is too small, so the last checkpoint is kept and the test part is looked at once.

    Args:
        data: folder of the recipe's rasters, which share one grid.

    Raises:
        InputError: if the rasters do not fit the recipe.
        TrainingError, OutputError, Cancelled.
    """
    report = reporter or SILENT
    files = {source.role: data / source.file for source in recipe.sources}
    labels = data / recipe.labels
    plain = [_spec(source, recipe.gsd_m) for source in recipe.sources]
    area = read_area(files, plain, labels, recipe.training)
    card = raster_card(recipe, area)
    report.log(f"Training on {sum(card.pixel_counts):,} labelled pixels of {data.name}.")
    result = train(card, [area], [], recipe.settings, report)
    weights = settled_weights(card, result.weights)
    save_bundle(output, card, weights, dtype=torch.bfloat16)
    test = keep_labels(read_area(files, plain, labels), pixel_slices(labels, recipe.test))
    network = load_bundle(output).network()  # as users get it
    found = evaluate(network, card, [test], all_rules(card), stride=card.stride, reporter=report)
    names = [c.name for c in card.classes]
    scored = {rule: score.as_json(names) for rule, score in found.items()}
    final = card.model_copy(update={"scores": {"test": asdict(recipe.test), **scored}})
    save_bundle(output, final, weights, dtype=torch.bfloat16)
    return found


def raster_card(recipe: SceneRecipe, area: Area) -> ModelCard:
    """Return the card of a recipe: priors, groups and normalisation are measured on the training area."""
    counts = count_pixels([area], [class_id for class_id, _, _ in recipe.classes])
    groups, total = frequency_groups(counts), max(1, sum(counts))
    classes = tuple(
        LandCoverClass(id=class_id, name=name, color=color, group=group, share=count / total)
        for (class_id, name, color), group, count in zip(recipe.classes, groups, counts, strict=True)
    )
    nested = ("head", "body", "tail"), ("body", "tail"), ("tail",)
    experts = tuple(
        ExpertSpec(name=" and ".join(names), classes=tuple(c.id for c in classes if c.group in names))
        for names in nested
    )
    return ModelCard(
        name=recipe.name,
        description=recipe.why,
        architecture=recipe.architecture,
        classes=classes,
        experts=experts,
        sources=measured_sources(
            [_spec(source, recipe.gsd_m) for source in recipe.sources], [area.raw], recipe.window
        ),
        gsd_m=recipe.gsd_m,
        window=recipe.window,
        stride=recipe.stride,
        pixel_counts=counts,
        provenance={"training": asdict(recipe.training), "settings": asdict(recipe.settings)},
    )


def _spec(source: Source, gsd_m: float) -> SourceSpec:
    """Return a source whose normalisation is to be measured."""
    fields = asdict(source)
    del fields["file"]
    return source_spec(SourceConfig(**fields, gsd_m=gsd_m))


def main(recipe: SceneRecipe, arguments: Sequence[str] | None = None) -> int:
    """Run a recipe from the command line: DATA OUT.safetensors; return the exit code."""
    parser = argparse.ArgumentParser(description=recipe.name)
    parser.add_argument("data", type=Path, help="folder of the scene's rasters")
    parser.add_argument("output", type=Path, help="bundle to write, *.safetensors")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    try:
        found = fit_rasters(recipe, options.data, options.output, LogReporter())
    except MceError as error:
        _LOG.error(error)
        return error.exit_code
    sys.stdout.write(score_table(recipe, found))
    return 0


def score_table(recipe: SceneRecipe, found: Mapping[str, Scores]) -> str:
    """Return recall per class and rule on the test part as text, in percent."""
    rules = list(found)
    lines = ["".join([f"{'recall, %':28}", *(f"{rule:>18}" for rule in rules)])]
    for c, (_, name, _) in enumerate(recipe.classes):
        lines.append("".join([f"{name:28}", *(f"{100 * found[rule].recall[c]:18.1f}" for rule in rules)]))
    for title, attribute in (("mean", "mean_recall"), ("overall accuracy", "overall"), ("mIoU", "mean_iou")):
        values = (f"{100 * getattr(found[rule], attribute):18.1f}" for rule in rules)
        lines.append("".join([f"{title:28}", *values]))
    return "\n".join(lines) + "\n"
