"""`python -m mce_landcover.training.experiments.segmentation CONFIG OUT`: the tables of a study; runs that
OUT holds are not trained again."""

import sys
from pathlib import Path
from typing import Any

from ....core.base.progress import Reporter
from ..command import run_experiment
from ..report import Outcome
from .runs import Judged, judged_runs
from .study import COLUMNS, CONFIGS, Study
from .tables import findings, make_table, study_page, value


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
        {"runs": [_numbers(j) for j in judged]},
        findings(study, judged),
        page=lambda run: study_page(study, judged, run),
    )


def _numbers(judged: Judged) -> dict[str, Any]:
    """Return every score of a run, in percent."""
    columns = (*COLUMNS, *judged.class_names)
    return {
        "run": judged.run,
        "seed": judged.seed,
        "parameters": judged.parameters,
        "seconds": judged.seconds,
        "rules": {
            rule: {c: round(value(judged.scores(rule), c, judged.class_names), 2) for c in columns}
            for rule in judged.matrices
        },
    }


if __name__ == "__main__":
    sys.exit(run_experiment(None, Study, study_outcome, CONFIGS))
