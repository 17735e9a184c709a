"""What the job takes that makes the example scene. Imports nothing heavy."""

from typing import ClassVar

from ..core.base.requests import JobRequest, OutputPath, option


class SceneRequest(JobRequest):
    """Write the synthetic alpine scene (no real place): image, DEM and true classes."""

    job: ClassVar[str] = "make_scene"

    output: OutputPath = option(
        "Folder for image.tif, dem.tif and labels.tif.", metavar="OUT_DIR", positional=True
    )
    size: float = option("Side of the square scene.", 1000, metavar="METRES", gt=0)
    seed: int = option("Another seed, another landscape.", 7, metavar="N", ge=0)
    overwrite: bool = option("Replace results that are already there.", False)
