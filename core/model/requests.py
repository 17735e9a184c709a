"""What the job takes that describes a model. Imports nothing heavy."""

from typing import ClassVar

from ..base.requests import JobRequest, ModelName, option


class ModelInfoRequest(JobRequest):
    """Describe a model: classes, experts, sources, windows, scores, provenance."""

    job: ClassVar[str] = "model_info"

    model: ModelName = option(
        "A .safetensors bundle, or the embedded demo model.", "demo", metavar="FILE|demo", positional=True
    )
