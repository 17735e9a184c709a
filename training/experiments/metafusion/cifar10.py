"""MetaFusion on CIFAR-10 (table 1 and figure 4 of the paper): ten networks, each with one class made rare.

python -m mce_landcover.training.experiments.metafusion.cifar10 CONFIG OUT
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.model_selection import LeaveOneOut, StratifiedKFold

from ....core.base.progress import Reporter
from ....core.flagging.boosting import MetaSettings, fit_boosting
from ....core.model.decision import heat_maps, log_priors
from ....core.segments.counting import Errors
from ...data.cifar10 import Cifar10, read_cifar10, thin_out
from ...data.shared import find_data
from ..command import ExperimentSettings, run_experiment
from ..report import Cell, Outcome, Table, known_mean
from ..runner import Row
from .image_network import FitSettings, NetworkSettings, fit_image_network, predict_images
from .sweep import CONFIGS, PUBLISHED, judged, plain_at_equal_fn

_RULES = ("bayes", "plain", "fused")
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
    networks: list[Row] = []
    for rare in settings.rare:
        log_p, counts = _network_output(data, rare, settings, output, reporter)
        network = evaluate_network(log_p, data.test.labels, counts, rare, settings)
        networks.append(network)
        last = network["points"][-1]
        told = [f"{v['fp']}/{v['fn']}" for v in (network["bayes"], last["plain"], last["fused"])]
        rules = f"Bayes {told[0]}, alpha {last['alpha']:g} {told[1]}, MetaFusion {told[2]}"
        reporter.log(f"{data.names[rare]}: FP/FN {rules}.")
    return Outcome(
        title="MetaFusion on CIFAR-10, ten networks with one rare class each",
        data="CIFAR-10, recompressed as JPEG q75 4:2:0 (lossy: figures of the original pictures differ)",
        tables=[table_1(networks, data.names), figure_4(networks)],
        results={"networks": networks, "classes": data.names},
        findings=findings(networks),
    )


def evaluate_network(
    log_p: Floats, labels: NDArray[np.int64], counts: Sequence[int], rare: int, settings: CifarSettings
) -> Row:
    """Decide all pictures by Bayes, by the interpolated rule and by MetaFusion, for every alpha.

    Args:
        log_p: log-probabilities `[N, C]` of the test pictures.
        labels: `[N]`.
        counts: training samples per class, the priors.
        rare: the class made rare.
    """
    bayes, points = log_p.argmax(1), list[Row]()

    def judge(predicted: NDArray[np.int64]) -> Row:
        errors = (_errors(decided, labels, rare) for decided in (predicted, bayes))
        return judged(*errors, accuracy=float((predicted == labels).mean()))

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
        counts_of = {"candidates": len(chosen), "true": int(right.sum())}
        points.append({"alpha": alpha, "plain": judge(plain), "fused": judge(fused), **counts_of})
    return {"rare": rare, "bayes": judge(bayes), "points": points}


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
    enough = min(right.sum(), n - right.sum()) >= folds
    splitter = LeaveOneOut() if folds >= n else StratifiedKFold(folds, shuffle=True, random_state=seed)
    settings = MetaSettings(kind="image", seed=seed)
    for seen, held in splitter.split(features, right if enough else np.zeros(n)):
        known = right[seen]
        if known.all() or not known.any():
            accepted[held] = known.all()
        else:
            accepted[held] = fit_boosting(features[seen], known, settings).raw(features[held]) > 0
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


def _errors(predicted: NDArray[np.int64], labels: NDArray[np.int64], rare: int) -> Errors:
    said, true = predicted == rare, labels == rare
    return Errors(int((said & ~true).sum()), int((~said & true).sum()), int((said & true).sum()))


def table_1(networks: Sequence[Row], names: Sequence[str]) -> Table:
    """Return table 1 of the paper, ours and the published figures in turns."""
    published = PUBLISHED["cifar10"]
    rows: list[list[Cell]] = []
    for network in networks:
        rare = network["rare"]
        rows.append([f"{rare} {names[rare]}, ours", *_of_table_1([network])])
        rows.append([f"{rare} {names[rare]}, published", *published[str(rare)].values()])
    rows.append([f"mean of {len(networks)}, ours", *_of_table_1(networks)])
    rows.append(["mean of 10, published", *published["mean"].values()])
    return Table("Table 1: errors of the rare class, alpha = 1", ("rare class", *published["mean"]), rows)


def _of_table_1(networks: Sequence[Row]) -> list[Cell]:
    """Return the columns of table 1, means over the networks given; Bayes has no delta."""
    cells: list[Cell] = []
    for rule in _RULES:
        judged_by = _at(networks, rule, -1)
        cells += [_mean(judged_by, "f1"), *(round(_mean(judged_by, key)) for key in ("fp", "fn"))]
        cells += [_mean(judged_by, "delta")] if rule != "bayes" else []
    return cells


def figure_4(networks: Sequence[Row]) -> Table:
    """Return the curve of figure 4: means over the networks, and what the plain rule pays at equal FN."""
    columns = {"FP": "fp", "FN": "fn", "Δ": "delta", "accuracy %": "accuracy"}

    def cells(rule: str, index: int) -> list[Cell]:
        return [_mean(_at(networks, rule, index), key) for key in columns.values()]

    rows: list[list[Cell]] = [["0 (Bayes)", None, *cells("bayes", 0), *[None] * 5]]
    for i, point in enumerate(networks[0]["points"]):
        n = _mean([network["points"][i] for network in networks], "candidates")
        paid = known_mean(plain_at_equal_fn(n, n["points"][i]["fused"]) for n in networks)
        rows.append([f"{point['alpha']:g}", n, *cells("plain", i), *cells("fused", i), paid])
    rules = [f"{rule} {column}" for rule in ("plain", "MetaFusion") for column in columns]
    heads = ("alpha", "candidates", *rules, "plain FP at equal FN")
    return Table(f"Figure 4: means of {len(networks)} networks over alpha", heads, rows, digits=2)


def findings(networks: Sequence[Row]) -> list[str]:
    """Return what the tables do not say: total accuracy, and who wins at equal FN."""
    told = ", ".join(f"{_mean(_at(networks, rule, -1), 'accuracy'):.2f}" for rule in _RULES)
    accuracies = PUBLISHED["cifar10_accuracy"]["mean"].values()
    published = ", ".join(f"{100 * float(value):.2f}" for value in accuracies if value is not None)
    fused = [(network, point["fused"]) for network in networks for point in network["points"]]
    cases = [row["fp"] < plain_at_equal_fn(network, row) for network, row in fused]
    return [
        f"Total accuracy in percent, Bayes, ML, MetaFusion: ours {told}; published {published}.",
        "At equal FN MetaFusion has fewer FP than the plain rule, interpolated over alpha, in "
        f"{sum(cases)} of {len(cases)} cases (network and alpha).",
        "The meta classifier sees entropy, margin and variation ratio of the picture only: 15 stages of "
        "depth 3, exponential loss; table 1 leaves one candidate out at a time.",
    ]


def _at(networks: Sequence[Row], rule: str, index: int) -> list[Row]:
    """Return what a rule does in all networks at one of the alphas; Bayes has none."""
    return [(network if rule == "bayes" else network["points"][index])[rule] for network in networks]


def _mean(rows: Sequence[Row], key: str) -> float:
    """Return a mean over networks; the accuracy in percent."""
    return (100 if key == "accuracy" else 1) * known_mean(row[key] for row in rows)


if __name__ == "__main__":
    raise SystemExit(run_experiment("cifar10", CifarSettings, run, CONFIGS))
