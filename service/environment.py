"""What this Python environment offers the backend. Choosing a device is the engine's business."""

import importlib.metadata
import platform
from dataclasses import dataclass
from typing import ClassVar

from ..core.base.progress import Reporter
from ..core.base.requests import JobRequest
from ..core.base.results import JobResult

PACKAGES = (
    "torch",
    "torchvision",
    "segmentation-models-pytorch",
    "timm",
    "rasterio",
    "numpy",
    "openvino",
    "lightning",
    "pydantic",
)


class BackendInfoRequest(JobRequest):
    """Show the versions and devices of this environment."""

    job: ClassVar[str] = "backend_info"


@dataclass(frozen=True)
class BackendInfo(JobResult):
    """Version of Python, version of each package (None where it is not installed), names of the devices."""

    python: str
    versions: dict[str, str | None]
    devices: list[str]


def backend_info(_request: BackendInfoRequest, _reporter: Reporter) -> BackendInfo:
    """Say what this environment can do."""
    import rasterio
    import torch

    versions: dict[str, str | None] = {name: _version(name) for name in PACKAGES}
    versions["gdal"] = rasterio.__gdal_version__
    devices = [f"cpu ({platform.processor() or platform.machine()}, {torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index} ({properties.name}, {properties.total_memory / 2**30:.0f} GiB)")
    return BackendInfo(platform.python_version(), versions, devices)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
