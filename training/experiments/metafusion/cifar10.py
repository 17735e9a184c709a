"""MetaFusion on CIFAR-10 (table 1 and figure 4 of the paper): ten networks, each with one class made rare.

python -m mce_landcover.training.experiments.metafusion.cifar10 CONFIG OUT
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.model_selection import StratifiedKFold

from ....core.decision import heat_maps
from ....core.metafusion.boosting import MetaSettings, fit_boosting, raw_scores
from ....core.metafusion.counting import Errors, delta
from ....core.priors import log_priors
from ....core.progress import Reporter
from ...data.cifar10 import Cifar10, read_cifar10, thin_out
from ...data.shared import find_data
from ..command import ExperimentSettings, run_experiment
from ..report import Cell, Outcome, Table
from .image_network import FitSettings, NetworkSettings, fit_image_network, predict_images
from .published import CIFAR10, CIFAR10_ACCURACY, CIFAR10_MEAN, Published
from .tradeoff import false_positives_at, mean_errors

CONFIGS = Path(__file__).with_name("configs")
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class CifarSettings(ExperimentSettings):
    """The config file of this experiment.

    `alphas` are those of figure 4, the last of them gives table 1; `kept` is the share of the rare class that
    stays. Table 1 leaves one candidate out at a time, the other alphas take `folds`.
    """

    data: Path
    rare: tuple[Annotated[int, Field(ge=0, le=9)], ...] = tuple(range(10))
    kept: float = Field(default=0.1, gt=0, le=1)
    alphas: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.9, 0.92, 0.94, 0.96, 0.98, 1.0)
    folds: int = Field(default=20, ge=2)
    network: NetworkSettings = NetworkSettings()
    fit: FitSettings


@dataclass(frozen=True)
class Verdict:
    """What a decision rule does to the test set: errors of the rare class, and the share it gets right."""

    errors: Errors
    accuracy: float


@dataclass(frozen=True)
class Point:
    """One alpha: the plain rule, MetaFusion, and the candidates with how many of them are right."""

    alpha: float
    plain: Verdict
    fused: Verdict
    candidates: int
    true: int


@dataclass(frozen=True)
class NetworkResult:
    """One network: the class that was rare, Bayes, and a point per alpha."""

    rare: int
    bayes: Verdict
    points: tuple[Point, ...]


def run(settings: CifarSettings, output: Path, reporter: Reporter) -> Outcome:
    """Train the networks that OUT does not hold yet, decide, and compare."""
    data = read_cifar10(find_data(settings.data))
    reporter.log(f"{len(data.training.labels):,} training and {len(data.test.labels):,} test pictures.")
    results = []
    for rare in settings.rare:
        log_p, counts = _network_output(data, rare, settings, output, reporter)
        results.append(evaluate_network(log_p, data.test.labels, counts, rare, settings))
        bayes, point = results[-1].bayes, results[-1].points[-1]
        reporter.log(
            f"{data.names[rare]}: FP/FN Bayes {bayes.errors.fp}/{bayes.errors.fn}, alpha {point.alpha:g} "
            f"{point.plain.errors.fp}/{point.plain.errors.fn}, MetaFusion {point.fused.errors.fp}/"
            f"{point.fused.errors.fn}."
        )
    return Outcome(
        title="MetaFusion on CIFAR-10, ten networks with one rare class each",
        data="CIFAR-10, recompressed as JPEG q75 4:2:0 (lossy: figures of the original pictures differ)",
        tables=[_table_1(results, data.names), _figure_4(results)],
        results={"networks": [_as_json(result) for result in results], "classes": data.names},
        findings=_findings(results),
    )


def evaluate_network(
    log_p: Floats, labels: NDArray[np.int64], counts: Sequence[int], rare: int, settings: CifarSettings
) -> NetworkResult:
    """Decide all pictures by Bayes, by the interpolated rule and by MetaFusion, for every alpha.

    Args:
        log_p: log-probabilities `[N, C]` of the test pictures.
        labels: `[N]`.
        counts: training samples per class, the priors.
        rare: the class made rare.
    """
    bayes = log_p.argmax(1)
    points = []
    for alpha in settings.alphas:
        weighed = log_p - np.array(log_priors(counts, alpha))
        plain = weighed.argmax(1)
        chosen = np.flatnonzero((plain == rare) & (bayes != rare))  # the candidates
        right = labels[chosen] == rare
        features = _heat(weighed[chosen])
        left_out = len(chosen) if alpha == settings.alphas[-1] else settings.folds
        accepted = accept_out_of_fold(features, right, left_out, settings.seed)
        fused = bayes.copy()
        fused[chosen[accepted]] = rare
        verdicts = _judge(plain, labels, rare), _judge(fused, labels, rare)
        points.append(Point(alpha, *verdicts, len(chosen), int(right.sum())))
    return NetworkResult(rare, _judge(bayes, labels, rare), tuple(points))


def accept_out_of_fold(features: Floats, right: Bools, folds: int, seed: int) -> Bools:
    """Tell which candidates a meta classifier accepts that has not seen them.

    Each outcome is spread evenly over the folds. Where the other folds hold one outcome only there is nothing
    to learn, and the held ones get that outcome.

    Args:
        features: `[n, F]`.
        right: `[n]`, the targets.
        folds: at most n, which leaves one out at a time.
    """
    n, accepted = len(right), np.zeros(len(right), np.bool_)
    if n < 2:
        return accepted
    if folds >= n:
        fold_of = np.arange(n)
    else:
        fold_of = np.empty(n, np.intp)
        splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
        enough = min(right.sum(), n - right.sum()) >= folds
        parts = splitter.split(features, right if enough else np.zeros(n))
        for fold, (_, held) in enumerate(parts):
            fold_of[held] = fold
    settings = MetaSettings(kind="image", seed=seed)
    for fold in np.unique(fold_of):
        held = fold_of == fold
        known = right[~held]
        if known.all() or not known.any():
            accepted[held] = known.all()
        else:
            accepted[held] = raw_scores(fit_boosting(features[~held], known, settings), features[held]) > 0
    return accepted


def _network_output(
    data: Cifar10, rare: int, settings: CifarSettings, output: Path, reporter: Reporter
) -> tuple[Floats, list[int]]:
    """Return log-probabilities of the test pictures and the training counts, from OUT if they are there."""
    rng = np.random.default_rng((settings.seed, rare))
    training = data.training.take(thin_out(data.training.labels, rare, settings.kept, rng))
    counts = np.bincount(training.labels, minlength=len(data.names)).tolist()
    made_with = settings.model_dump_json(include={"data", "kept", "network", "fit", "seed"})
    path = output / f"log_probabilities_{rare}.npz"
    if path.exists():
        with np.load(path) as stored:
            if str(stored["made_with"]) == made_with:
                reporter.log(f"The network of rare class {rare} is done already.")
                return stored["log_p"], counts
    model = fit_image_network(
        training,
        len(data.names),
        settings.network,
        settings.fit,
        seed=settings.seed + rare,
        device=settings.device,
        reporter=reporter,
    )
    log_p = predict_images(model, data.test.images)
    partial = path.with_name(f".{path.name}")
    np.savez(partial, log_p=log_p, made_with=made_with)
    partial.replace(path)
    return log_p, counts


def _heat(weighed: Floats) -> Floats:
    """Return E, M and V `[n, 3]` of log-scores `[n, C]`."""
    return np.stack([h.numpy() for h in heat_maps(torch.from_numpy(weighed).unbind(1))], axis=1)


def _judge(predicted: NDArray[np.int64], labels: NDArray[np.int64], rare: int) -> Verdict:
    said, true = predicted == rare, labels == rare
    errors = Errors(int((said & ~true).sum()), int((~said & true).sum()), int((said & true).sum()))
    return Verdict(errors, float((predicted == labels).mean()))


def _table_1(results: Sequence[NetworkResult], names: Sequence[str]) -> Table:
    columns = ("F1", "FP", "FN"), ("F1", "FP", "FN", "Δ"), ("F1", "FP", "FN", "Δ")
    rules = ("Bayes", "ML", "MetaFusion")
    heads = [f"{rule} {column}" for rule, part in zip(rules, columns, strict=True) for column in part]
    rows: list[list[Cell]] = []
    for result in results:
        name = f"{result.rare} {names[result.rare]}"
        rows.append([f"{name}, ours", *_cells([result])])
        rows.append([f"{name}, published", *_published(CIFAR10[result.rare])])
    rows.append([f"mean of {len(results)}, ours", *_cells(results)])
    rows.append(["mean of 10, published", *_published(CIFAR10_MEAN)])
    return Table("Table 1: errors of the rare class, alpha = 1", ("rare class", *heads), rows)


def _cells(results: Sequence[NetworkResult]) -> list[Cell]:
    """Return the columns of table 1, means over the networks given."""
    cells: list[Cell] = []
    bayes = [r.bayes.errors for r in results]
    for errors in (
        bayes,
        [r.points[-1].plain.errors for r in results],
        [r.points[-1].fused.errors for r in results],
    ):
        cells.append(float(np.mean([e.f1 for e in errors])))
        cells += [round(float(n)) for n in mean_errors(errors)]
        if errors is not bayes:
            cells.append(float(np.mean([delta(e, b) for e, b in zip(errors, bayes, strict=True)])))
    return cells


def _published(rules: tuple[Published, Published, Published]) -> list[Cell]:
    bayes, ml, fused = rules
    return [*bayes[:3], *ml, *fused]


def _figure_4(results: Sequence[NetworkResult]) -> Table:
    """Return the curve of figure 4: means over the networks, and what the plain rule pays at equal FN."""
    rows: list[list[Cell]] = []
    fp, fn = mean_errors([r.bayes.errors for r in results])
    accuracy = float(np.mean([r.bayes.accuracy for r in results]))
    rows.append(["0 (Bayes)", None, fp, fn, None, 100 * accuracy, None, None, None, None, None])
    for i, alpha in enumerate(alpha for alpha in (p.alpha for p in results[0].points)):
        points = [r.points[i] for r in results]
        cells: list[Cell] = [f"{alpha:g}", float(np.mean([p.candidates for p in points]))]
        for verdicts in ([p.plain for p in points], [p.fused for p in points]):
            deltas = [delta(v.errors, r.bayes.errors) for v, r in zip(verdicts, results, strict=True)]
            cells += [*mean_errors([v.errors for v in verdicts]), float(np.nanmean(deltas))]
            cells.append(100 * float(np.mean([v.accuracy for v in verdicts])))
        rows.append([*cells, float(np.nanmean([_plain_at_equal_fn(r, i) for r in results]))])
    columns = ("FP", "FN", "Δ", "accuracy %")
    rules = [f"{rule} {column}" for rule in ("plain", "MetaFusion") for column in columns]
    heads = ("alpha", "candidates", *rules, "plain FP at equal FN")
    return Table(f"Figure 4: means of {len(results)} networks over alpha", heads, rows, digits=2)


def _plain_at_equal_fn(result: NetworkResult, index: int) -> float:
    """Return the false positives of the plain rule, tuned to miss as many as MetaFusion at this alpha."""
    sweep = [result.bayes.errors, *(p.plain.errors for p in result.points)]
    return false_positives_at(sweep, result.points[index].fused.errors.fn)


def _findings(results: Sequence[NetworkResult]) -> list[str]:
    accuracies = [
        100 * float(np.mean([v.accuracy for v in verdicts]))
        for verdicts in (
            [r.bayes for r in results],
            [r.points[-1].plain for r in results],
            [r.points[-1].fused for r in results],
        )
    ]
    told = ", ".join(f"{value:.2f}" for value in accuracies)
    published = ", ".join(f"{100 * value:.2f}" for value in CIFAR10_ACCURACY)
    wins = sum(p.fused.errors.fp < _plain_at_equal_fn(r, i) for r in results for i, p in enumerate(r.points))
    total = sum(len(r.points) for r in results)
    return [
        f"Total accuracy in percent, Bayes, ML, MetaFusion: ours {told}; published {published}.",
        "At equal FN MetaFusion has fewer FP than the plain rule, interpolated over alpha, in "
        f"{wins} of {total} cases (network and alpha).",
        "The meta classifier sees entropy, margin and variation ratio of the picture only: 15 stages of "
        "depth 3, exponential loss; table 1 leaves one candidate out at a time.",
    ]


def _as_json(result: NetworkResult) -> dict[str, Any]:
    def judged(verdict: Verdict) -> dict[str, Any]:
        gain = delta(verdict.errors, result.bayes.errors)
        return {
            **verdict.errors._asdict(),
            "f1": verdict.errors.f1,
            "delta": gain,
            "accuracy": verdict.accuracy,
        }

    points = [
        {
            "alpha": p.alpha,
            "plain": judged(p.plain),
            "fused": judged(p.fused),
            "candidates": p.candidates,
            "true": p.true,
        }
        for p in result.points
    ]
    return {"rare": result.rare, "bayes": judged(result.bayes), "points": points}


if __name__ == "__main__":
    raise SystemExit(run_experiment("cifar10", CifarSettings, run, CONFIGS))
