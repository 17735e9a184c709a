"""What candidates are ranked by before anything is learnt: how sure the ML rule is, and how many experts
agree. An order, and no probability.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .boosting import Bools
from .features import FeatureTable, doubtful_rows
from .trees import Floats

_EXPERT = "mce_expert_"


#: What scores come from where nothing was learnt.
RULE: Literal["rule"] = "rule"


def by_rule(kinds: Sequence[str]) -> str:
    """Return the sentence that warns of scores of the rule."""
    return (
        f"The scores of {' and '.join(kinds)} places are those of a plain rule, as the meta classifier had "
        "too few examples of them: they order, and are no probabilities to decide by."
    )


def likely_real(features: FeatureTable) -> Floats:
    """Return how likely it seems that the flagged class is there, `[n]` in 0..1.

    `1 - M` of a missed place, M its mean margin (`M = 1 - p1 + p2`); of a doubtful one the mean of that and
    of the share of the experts, over its pixels, that say its class.
    """
    sure = 1 - features.select(["M"]).values[:, 0]
    experts = [name for name in features.names if name.startswith(_EXPERT)]
    if not experts:
        return sure
    agreement = features.select(experts).values.mean(axis=1)
    return np.where(doubtful_rows(features), (sure + agreement) / 2, sure)


def change_of(real: Floats, doubtful: Bools) -> Floats:
    """Return how likely it is that the map changes: a missed place is real, a doubtful one is not."""
    return np.where(doubtful, 1 - real, real)
