"""`python -m mce_landcover.training.experiments.segmentation CONFIG OUT`: the tables of a study; runs that
OUT holds are not trained again."""

import sys
from pathlib import Path

from ....core.base.progress import Reporter
from ..command import run_experiment
from ..report import Outcome
from .runs import judged_runs
from .study import CONFIGS, Study
from .tables import findings, make_table, numbers, study_page


def study_outcome(study: Study, folder: Path, reporter: Reporter) -> Outcome:
    """Train and judge what is missing, and set out all of it.

    Raises:
        see `judged_runs`.
    """
    judged = judged_runs(study, folder / "runs", reporter)
    return Outcome(
        study.title,
        study.data,
        [make_table(spec, judged) for spec in study.tables],
        {"runs": [numbers(row) for row in judged]},
        findings(study, judged),
        page=lambda run: study_page(study, judged, run),
    )


if __name__ == "__main__":
    sys.exit(run_experiment(None, Study, study_outcome, CONFIGS))
