"""How well candidates are told apart: scores out of fold, ROC AUC, precision and recall by threshold, and the
curve of the effort of reviewing. Plain arrays in; nothing is fitted for later use here.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..base.errors import InputError
from .boosting import Bools, MetaSettings
from .by_class import (
    ClassCalibration,
    Ints,
    classes_with_enough,
    fit_class_boosting,
    fit_class_calibration,
)
from .fusion import refuse, threshold_of
from .trees import Floats


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Scores of n candidates by models that have seen none of their tile.

    Attributes:
        folds: `[n]`, which fold held the candidate back.
        raw: `[n]`, the boostings' margins.
        scores: `[n]`, calibrated; the two parameters of each curve are fitted to all `raw` of its boosting.
        targets: `[n]`.
    """

    folds: Ints
    raw: Floats
    scores: Floats
    calibration: ClassCalibration
    targets: Bools

    def of(self, rows: Bools) -> Self:
        """Return what it says of some of the candidates."""
        parts = (self.folds[rows], self.raw[rows], self.scores[rows], self.calibration, self.targets[rows])
        return type(self)(*parts)

    @property
    def aucs(self) -> tuple[float, ...]:
        """ROC AUC of each fold; NaN for one whose candidates have one outcome only."""
        return tuple(
            roc_auc(self.targets[self.folds == fold], self.scores[self.folds == fold])
            for fold in np.unique(self.folds).tolist()
        )

    @property
    def auc(self) -> float:
        """Mean over folds; NaN if no fold has one."""
        return float(np.mean(self._known())) if self._known() else float("nan")

    @property
    def auc_std(self) -> float:
        """Standard deviation over folds (n - 1); NaN for fewer than two."""
        return float(np.std(self._known(), ddof=1)) if len(self._known()) > 1 else float("nan")

    def _known(self) -> list[float]:
        return [auc for auc in self.aucs if not np.isnan(auc)]


def cross_validate(
    values: Floats,
    targets: Bools,
    groups: NDArray[np.integer],
    settings: MetaSettings,
    class_ids: Ints | None = None,
) -> CrossValidation:
    """Score every candidate by a model fitted without the candidates of its fold.

    Args:
        values: `[n, F]`, finite.
        targets: `[n]`.
        groups: `[n]`, for example the tile; a group is never split between folds.
        class_ids: `[n]`, the flagged class; classes with enough candidates are fitted apart.

    Raises:
        InputError: if the outcomes or groups are too few.
    """
    folds = assign_folds(targets, groups, settings)
    own = () if settings.kind == "linear" else classes_with_enough(targets, class_ids)
    raw = np.empty(len(targets))
    for fold in range(int(folds.max()) + 1):
        held, seen = folds == fold, folds != fold
        of_seen, of_held = (None, None) if class_ids is None else (class_ids[seen], class_ids[held])
        boosting = fit_class_boosting(values[seen], targets[seen], of_seen, own, settings)
        raw[held] = boosting.raw(values[held], of_held)
    calibration = fit_class_calibration(raw, targets, class_ids, own)
    return CrossValidation(folds, raw, calibration(raw, class_ids), calibration, targets)


def assign_folds(targets: Bools, groups: NDArray[np.integer], settings: MetaSettings) -> Ints:
    """Return each candidate's fold `[n]`: whole groups, true candidates spread as evenly as they allow.

    There are as many folds as asked for, or fewer: as many as leave both outcomes to learn from. Where the
    outcomes are so unevenly spread that none does, every group is a fold of its own.

    Raises:
        InputError: if an outcome is in one group only, or nowhere.
    """
    n_true = int(targets.sum())
    if n_true == 0 or n_true == len(targets):
        which = "none" if n_true == 0 else "every one"
        raise InputError(
            f"Of {len(targets)} candidates {which} is a missed place, so there is nothing to tell apart; "
            "give runs or reviews with both outcomes."
        )
    _, groups = np.unique(groups, return_inverse=True)
    if min(len(np.unique(groups[targets])), len(np.unique(groups[~targets]))) < 2:
        raise InputError(
            f"The {n_true} missed places among {len(targets)} candidates lie in too few tiles to check the "
            "meta classifier on tiles it has not seen; use smaller tiles or more labels."
        )
    most = max(n_true, len(targets) - n_true)  # scikit-learn wants no more folds than that
    for n_folds in range(min(settings.folds, int(groups.max()) + 1, most), 1, -1):
        folds = _split(targets, groups, n_folds, settings.seed)
        whole = set(folds.tolist()) == set(range(n_folds))  # the splitter may leave a fold empty
        if whole and all(len(np.unique(targets[folds != fold])) == 2 for fold in range(n_folds)):
            return folds
    return groups.astype(np.int64)


def _split(targets: Bools, groups: NDArray[np.integer], n_folds: int, seed: int) -> Ints:
    """Return scikit-learn's stratified folds of whole groups `[n]`."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    folds = np.full(len(targets), -1, np.int64)
    with warnings.catch_warnings():  # fewer true candidates than folds: the caller looks at the folds
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for fold, (_, held) in enumerate(splitter.split(np.zeros((len(targets), 1)), targets, groups)):
            folds[held] = fold
    return folds


def roc_auc(targets: Bools, scores: Floats) -> float:
    """Return the share of (true, false) pairs that the scores order rightly, ties half; NaN without a
    pair.
    """
    from sklearn.metrics import roc_auc_score

    if targets.all() or not targets.any():
        return float("nan")
    return float(roc_auc_score(targets, scores))


@dataclass(frozen=True)
class Operating:
    """What accepting candidates up to one price does: `accepted_per_find` false alarms per missed place,
    which accepts scores of at least `threshold`.
    """

    accepted_per_find: float
    threshold: float
    n_accepted: int
    n_true: int
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where nothing true is accepted."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total > 0 else 0.0


#: Prices at which reports tabulate precision and recall.
PRICES = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)


def operating_points(targets: Bools, scores: Floats, prices: Sequence[float] = PRICES) -> list[Operating]:
    """Return precision and recall of accepting candidates, one row per price.

    Precision of accepting none is NaN, as is recall where there is nothing to find.
    """
    rows = []
    for price in prices:
        accepted = scores >= threshold_of(price)
        n_accepted, n_true = int(accepted.sum()), int((accepted & targets).sum())
        rows.append(
            Operating(
                price,
                threshold_of(price),
                n_accepted,
                n_true,
                n_true / n_accepted if n_accepted else float("nan"),
                n_true / int(targets.sum()) if targets.any() else float("nan"),
            )
        )
    return rows


@dataclass(frozen=True)
class Refusal:
    """What taking doubtful places out of a map at one price does, by the probability that they are false.

    Attributes:
        kept_per_loss: false places kept rather than lose a true one; see `fusion.refuse`.
        n_out: places taken out, `n_false` of them false.
        share_of_false: that is taken out. share_lost: of the true places.
    """

    kept_per_loss: float
    n_out: int
    n_false: int
    share_of_false: float
    share_lost: float


def refusal_points(false: Bools, scores: Floats, prices: Sequence[float] = PRICES) -> list[Refusal]:
    """Return what each price takes out, by `false` `[n]` and the probability of it; NaN of nothing."""
    rows = []
    for price in prices:
        out = refuse(scores, price)
        n_true, lost = int((~false).sum()), int((out & ~false).sum())
        n_false = int((out & false).sum())
        share = n_false / int(false.sum()) if false.any() else float("nan")
        lost_share = lost / n_true if n_true else float("nan")
        rows.append(Refusal(price, int(out.sum()), n_false, share, lost_share))
    return rows


def roc_curve(targets: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """Return false and true positive rates from (0, 0) to (1, 1), one point per distinct score; none where
    there is one outcome only.
    """
    from sklearn import metrics

    if targets.all() or not targets.any():
        return np.zeros(0), np.zeros(0)
    false_rate, true_rate, _ = metrics.roc_curve(targets, scores)
    return np.asarray(false_rate, np.float64), np.asarray(true_rate, np.float64)


def precision_recall_curve(targets: Bools, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and threshold, one entry per distinct score, falling."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True)) if len(ordered) else np.zeros(0, np.intp)
    found = np.cumsum(targets[order])[last]
    total = max(1, int(targets.sum()))
    return found / (last + 1), found / total, ordered[last]


def review_effort(targets: Bools, scores: Floats) -> Floats:
    """Return how many missed places are found among the first k candidates, highest score first.

    Candidates of equal score come in random order: the curve is the expected one, a straight line across a
    tie.

    Returns:
        `[n + 1]`, from 0 at k = 0 to the number of true candidates at k = n.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = (
        np.flatnonzero(np.append(np.diff(ordered) != 0, True)) + 1 if len(ordered) else np.zeros(0, np.intp)
    )
    found = np.cumsum(targets[order])[ends - 1] if len(ordered) else np.zeros(0, np.int64)
    k = np.arange(len(targets) + 1, dtype=np.float64)
    return np.interp(k, np.concatenate(([0], ends)), np.concatenate(([0], found))).astype(np.float64)


def random_effort(n_candidates: int, n_true: int) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of `review_effort` in random order: the hypergeometric law.

    `k p` and `sqrt(k p (1 - p) (n - k) / (n - 1))` with `p = n_true / n_candidates`; each `[n + 1]`.
    """
    k = np.arange(n_candidates + 1, dtype=np.float64)
    share = n_true / n_candidates if n_candidates else 0.0
    spread = k * share * (1 - share) * (n_candidates - k) / max(1, n_candidates - 1)
    return k * share, np.sqrt(spread)


def effort_to_find(effort: Floats, share: float) -> float:
    """Return how many candidates must be looked at to find that share of all missed places; NaN without
    any.
    """
    if effort[-1] <= 0:
        return float("nan")
    wanted = share * effort[-1]
    k = int(np.searchsorted(effort, wanted - 1e-9))
    if k == 0:
        return 0.0
    return float(k - 1 + (wanted - effort[k - 1]) / (effort[k] - effort[k - 1]))
