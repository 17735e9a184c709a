"""What this Python environment offers the backend. Choosing a device is the engine's business."""

import importlib.metadata
import platform
from typing import Any

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


def backend_info() -> dict[str, Any]:
    """Return `python`, `versions` (package -> version, None where not installed) and `devices` (names)."""
    import rasterio
    import torch

    versions: dict[str, str | None] = {name: _version(name) for name in PACKAGES}
    versions["gdal"] = rasterio.__gdal_version__
    devices = [f"cpu ({platform.processor() or platform.machine()}, {torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index} ({properties.name}, {properties.total_memory / 2**30:.0f} GiB)")
    return {"python": platform.python_version(), "versions": versions, "devices": devices}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
