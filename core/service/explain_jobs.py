"""The job `explain`: its request, and what it returns. What it does lives in `core/explain/`."""

from dataclasses import asdict
from typing import Literal

from ..progress import Reporter
from .fields import OptionalPath, OptionalText, OutputPath, Value
from .mapping_jobs import SourcesJob


class ExplainJob(SourcesJob):
    """Show what spoke for a class at a place; see `core/explain/explain.py`."""

    output: OutputPath
    model: OptionalText = None
    candidates: OptionalPath = None
    uuid: OptionalText = None
    extent: OptionalText = None
    point: OptionalText = None
    class_name: OptionalText = None
    expert: OptionalText = None
    against: OptionalText = None
    crs: OptionalText = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    overwrite: bool = False


def do_explain(job: ExplainJob, reporter: Reporter) -> Value:
    """Write the heat map and say what it shows."""
    from ..explain.explain import ExplainRequest, explain

    same = {
        name: getattr(job, name) for name in ExplainJob.model_fields if name not in SourcesJob.model_fields
    }
    result = explain(ExplainRequest(sources=job.sources, **same), reporter)
    return {**asdict(result), "heat_map": str(result.heat_map)}
