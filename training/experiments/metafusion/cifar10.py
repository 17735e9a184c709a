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
from sklearn.model_selection import StratifiedKFold

from ....core.base.progress import Reporter
from ....core.flagging.boosting import MetaSettings, fit_boosting, raw_scores
from ....core.flagging.counting import Errors
from ....core.model.decision import heat_maps, log_priors
from ...data.cifar10 import Cifar10, read_cifar10, thin_out
from ...data.shared import find_data
from ..command import ExperimentSettings, run_experiment
from ..report import Outcome
from .cifar10_results import NetworkResult, Point, Verdict, as_json, figure_4, findings, table_1
from .image_network import FitSettings, NetworkSettings, fit_image_network, predict_images

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
        tables=[table_1(results, data.names), figure_4(results)],
        results={"networks": [as_json(result) for result in results], "classes": data.names},
        findings=findings(results),
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


if __name__ == "__main__":
    raise SystemExit(run_experiment("cifar10", CifarSettings, run, CONFIGS))
