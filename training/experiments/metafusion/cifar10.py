"""MetaFusion on CIFAR-10 (table 1 and figure 4 of the paper): ten networks, each with one class made rare.

python -m mce_landcover.training.experiments.metafusion.cifar10 CONFIG OUT
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.model_selection import StratifiedKFold

from ....core.base.progress import Reporter
from ....core.flagging.boosting import MetaSettings, fit_boosting
from ....core.model.decision import heat_maps, log_priors
from ....core.segments.counting import Errors, delta
from ...data.cifar10 import Cifar10, read_cifar10, thin_out
from ...data.shared import find_data
from ..command import ExperimentSettings, run_experiment
from ..report import Cell, Outcome, Table
from .image_network import FitSettings, NetworkSettings, fit_image_network, predict_images
from .sweep import CONFIGS, PUBLISHED, Point, Sweep, Verdict, mean_errors

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


def run(settings: CifarSettings, output: Path, reporter: Reporter) -> Outcome:
    """Train the networks that OUT does not hold yet, decide, and compare."""
    data = read_cifar10(find_data(settings.data))
    reporter.log(f"{len(data.training.labels):,} training and {len(data.test.labels):,} test pictures.")
    results: dict[int, Sweep] = {}
    for rare in settings.rare:
        log_p, counts = _network_output(data, rare, settings, output, reporter)
        results[rare] = evaluate_network(log_p, data.test.labels, counts, rare, settings)
        bayes, point = results[rare].bayes, results[rare].points[-1]
        reporter.log(
            f"{data.names[rare]}: FP/FN Bayes {bayes.errors.fp}/{bayes.errors.fn}, alpha {point.alpha:g} "
            f"{point.plain.errors.fp}/{point.plain.errors.fn}, MetaFusion {point.fused.errors.fp}/"
            f"{point.fused.errors.fn}."
        )
    return Outcome(
        title="MetaFusion on CIFAR-10, ten networks with one rare class each",
        data="CIFAR-10, recompressed as JPEG q75 4:2:0 (lossy: figures of the original pictures differ)",
        tables=[table_1(results, data.names), figure_4(list(results.values()))],
        results={
            "networks": [as_json(rare, sweep) for rare, sweep in results.items()],
            "classes": data.names,
        },
        findings=findings(list(results.values())),
    )


def evaluate_network(
    log_p: Floats, labels: NDArray[np.int64], counts: Sequence[int], rare: int, settings: CifarSettings
) -> Sweep:
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
    return Sweep(f"rare class {rare}", _judge(bayes, labels, rare), tuple(points))


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
            accepted[held] = fit_boosting(features[~held], known, settings).raw(features[held]) > 0
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


def table_1(results: Mapping[int, Sweep], names: Sequence[str]) -> Table:
    """Return table 1 of the paper, ours and the published figures in turns."""
    published = PUBLISHED["cifar10"]
    rows: list[list[Cell]] = []
    for rare, sweep in results.items():
        rows.append([f"{rare} {names[rare]}, ours", *_cells([sweep])])
        rows.append([f"{rare} {names[rare]}, published", *published[str(rare)].values()])
    rows.append([f"mean of {len(results)}, ours", *_cells(list(results.values()))])
    rows.append(["mean of 10, published", *published["mean"].values()])
    return Table("Table 1: errors of the rare class, alpha = 1", ("rare class", *published["mean"]), rows)


def _cells(results: Sequence[Sweep]) -> list[Cell]:
    """Return the columns of table 1, means over the networks given."""
    cells: list[Cell] = []
    bayes, plain, fused = _at(results, -1)
    for verdicts in (bayes, plain, fused):
        cells.append(known_mean([v.errors.f1 for v in verdicts]))
        cells += [round(n) for n in mean_errors([v.errors for v in verdicts])]
        if verdicts is not bayes:
            cells.append(_mean_delta(verdicts, bayes))
    return cells


def figure_4(results: Sequence[Sweep]) -> Table:
    """Return the curve of figure 4: means over the networks, and what the plain rule pays at equal FN."""
    bayes = [r.bayes for r in results]
    start = [*mean_errors([v.errors for v in bayes]), None, _accuracy(bayes)]
    rows: list[list[Cell]] = [["0 (Bayes)", None, *start, *[None] * 5]]
    for i, point in enumerate(results[0].points):
        cells: list[Cell] = [f"{point.alpha:g}", float(np.mean([r.points[i].candidates for r in results]))]
        for verdicts in _at(results, i)[1:]:
            cells += mean_errors([v.errors for v in verdicts])
            cells += [_mean_delta(verdicts, bayes), _accuracy(verdicts)]
        rows.append([*cells, known_mean([r.plain_at_equal_fn(r.points[i].fused) for r in results])])
    columns = ("FP", "FN", "Δ", "accuracy %")
    rules = [f"{rule} {column}" for rule in ("plain", "MetaFusion") for column in columns]
    heads = ("alpha", "candidates", *rules, "plain FP at equal FN")
    return Table(f"Figure 4: means of {len(results)} networks over alpha", heads, rows, digits=2)


def findings(results: Sequence[Sweep]) -> list[str]:
    """Return what the tables do not say: total accuracy, and who wins at equal FN."""
    told = ", ".join(f"{_accuracy(verdicts):.2f}" for verdicts in _at(results, -1))
    accuracies = PUBLISHED["cifar10_accuracy"]["mean"].values()
    published = ", ".join(f"{100 * float(value):.2f}" for value in accuracies if value is not None)
    cases = [p.fused.errors.fp < r.plain_at_equal_fn(p.fused) for r in results for p in r.points]
    return [
        f"Total accuracy in percent, Bayes, ML, MetaFusion: ours {told}; published {published}.",
        "At equal FN MetaFusion has fewer FP than the plain rule, interpolated over alpha, in "
        f"{sum(cases)} of {len(cases)} cases (network and alpha).",
        "The meta classifier sees entropy, margin and variation ratio of the picture only: 15 stages of "
        "depth 3, exponential loss; table 1 leaves one candidate out at a time.",
    ]


def as_json(rare: int, sweep: Sweep) -> dict[str, Any]:
    """Return every number of a network."""
    points = [
        {
            "alpha": p.alpha,
            "plain": p.plain.as_json(sweep.bayes, "accuracy"),
            "fused": p.fused.as_json(sweep.bayes, "accuracy"),
            "candidates": p.candidates,
            "true": p.true,
        }
        for p in sweep.points
    ]
    return {"rare": rare, "bayes": sweep.bayes.as_json(sweep.bayes, "accuracy"), "points": points}


def known_mean(values: Sequence[float]) -> float:
    """Return the mean of what is a number; NaN if nothing is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _at(results: Sequence[Sweep], index: int) -> tuple[list[Verdict], list[Verdict], list[Verdict]]:
    """Return Bayes, the plain rule and MetaFusion of all networks at one of the alphas."""
    points = [r.points[index] for r in results]
    return [r.bayes for r in results], [p.plain for p in points], [p.fused for p in points]


def _mean_delta(verdicts: Sequence[Verdict], bayes: Sequence[Verdict]) -> float:
    return known_mean([delta(v.errors, b.errors) for v, b in zip(verdicts, bayes, strict=True)])


def _accuracy(verdicts: Sequence[Verdict]) -> float:
    """Return the mean accuracy in percent."""
    return 100 * float(np.mean([v.score for v in verdicts]))


if __name__ == "__main__":
    raise SystemExit(run_experiment("cifar10", CifarSettings, run, CONFIGS))
