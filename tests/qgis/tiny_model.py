"""Writes a small model with random weights, to test the way and not the map. Run by the backend's Python as

python -I tiny_model.py PACKAGE_ROOT OUTPUT
"""

import runpy
import sys
from pathlib import Path

root, output = Path(sys.argv[1]), Path(sys.argv[2])
runpy.run_path(str(root / "service" / "bootstrap.py"))  # makes the package importable

import torch  # noqa: E402
from mce_landcover.core.model.bundle import save_bundle  # noqa: E402
from mce_landcover.core.model.card import ModelCard  # noqa: E402
from mce_landcover.core.model.classes import load_catalogue  # noqa: E402
from mce_landcover.core.model.network import build_network  # noqa: E402

classes = load_catalogue()
rgb = {"scale": 1 / 255, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
height = {"kind": "window_min", "mean": [10.0], "std": [10.0]}
card = ModelCard.model_validate(
    {
        "name": "tiny",
        "architecture": {
            "decoder": "unet",
            "encoder": "resnet18",
            "decoder_channels": 8,
            "expert_channels": 8,
        },
        "classes": classes,
        "experts": [
            {"name": "all", "classes": [c.id for c in classes]},
            {"name": "rare", "classes": [c.id for c in classes if c.group != "head"]},
        ],
        "sources": [
            {"role": "image", "bands": ["R", "G", "B"], "gsd_m": 0.25, "normalisation": rgb},
            {"role": "dem", "bands": ["height"], "gsd_m": 0.5, "unit": "m", "normalisation": height},
        ],
        "gsd_m": 0.5,
        "window": 64,
        "stride": 32,
        "pixel_counts": list(range(1, len(classes) + 1)),
    }
)
torch.manual_seed(5)
save_bundle(output, card, build_network(card).state_dict())
