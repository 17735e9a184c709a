"""All jobs by name: what each takes, the function that does it, and how a terminal shows what came of it.
Worker and command line both come in through `run_job`.

Requests are light, the functions are not: they are named here by their module and imported when called.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, get_type_hints

from ..core.base.errors import InputError
from ..core.base.progress import Reporter
from ..core.base.requests import JobRequest
from ..core.base.results import JobResult
from ..core.evaluation.requests import EvaluateRequest, SampleRequest
from ..core.explain.requests import ExplainRequest
from ..core.flagging.requests import ApplyRequest, FitRequest, FlagRequest, RankRequest
from ..core.mapping.requests import OverviewRequest, PredictRequest
from ..core.screening.requests import ScreenRequest
from ..scene.requests import SceneRequest
from ..training.requests import (
    FitAggregationRequest,
    ImportWeightsRequest,
    PrepareTilesRequest,
    TrainDemoRequest,
    TrainRequest,
    TrainScreenRequest,
)
from .info import BackendInfoRequest, ModelInfoRequest

_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True)
class Job:
    """A job: its request, its function as `module:name` below the package, and the function of
    `terminal.py` that shows its result.
    """

    request: type[JobRequest]
    does: str
    shown_by: str = "show_files"

    def function(self) -> Callable[[Any, Reporter], JobResult]:
        """Import the function."""
        module, _, name = self.does.partition(":")
        found: Callable[[Any, Reporter], JobResult] = getattr(import_module(f"{_PACKAGE}.{module}"), name)
        return found

    def result(self) -> type[JobResult]:
        """Return the class of what the function returns; it imports the function."""
        found: type[JobResult] = get_type_hints(self.function())["return"]
        return found


#: Name of the job -> job, in the order of the help.
JOB_TABLE: Mapping[str, Job] = {
    job.request.job: job
    for job in (
        Job(PredictRequest, "core.mapping.predict:predict", "show_prediction"),
        Job(FlagRequest, "core.flagging.flag:flag_candidates", "show_candidates"),
        Job(FitRequest, "core.flagging.fit:fit_meta_classifier", "show_fit"),
        Job(RankRequest, "core.flagging.rank:rank_candidates", "show_ranked"),
        Job(ApplyRequest, "core.flagging.apply:apply_review", "show_fusion"),
        Job(ExplainRequest, "core.explain.explain:explain", "show_heat"),
        Job(ScreenRequest, "core.screening.screen:screen_tiles", "show_screened"),
        Job(EvaluateRequest, "core.evaluation.evaluate:evaluate", "show_evaluation"),
        Job(SampleRequest, "core.evaluation.draw_sample:draw_sample", "show_sample"),
        Job(OverviewRequest, "core.pages.overview:draw_requested_overview"),
        Job(ModelInfoRequest, "service.info:model_info", "show_model"),
        Job(SceneRequest, "scene.write:make_requested_scene"),
        Job(PrepareTilesRequest, "training.jobs:prepare_tiles", "show_tiles"),
        Job(TrainRequest, "training.jobs:train", "show_training"),
        Job(FitAggregationRequest, "training.jobs:fit_aggregation", "show_fitted_aggregation"),
        Job(ImportWeightsRequest, "training.jobs:import_weights"),
        Job(TrainDemoRequest, "training.jobs:train_demo"),
        Job(TrainScreenRequest, "training.jobs:train_screen"),
        Job(BackendInfoRequest, "service.info:backend_info", "show_environment"),
    )
}


def run_job(name: str, parameters: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Check the parameters of job `name`, do it and return its result as plain data (JSON types).

    Raises InputError for an unknown job or a parameter that cannot be used, else whatever the job raises.
    """
    if name not in JOB_TABLE:
        raise InputError(f"There is no job '{name}': choose one of {', '.join(JOB_TABLE)}.")
    job = JOB_TABLE[name]
    request = job.request(**parameters)
    return job.function()(request, reporter).as_json()
