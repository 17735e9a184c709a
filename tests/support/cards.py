"""Model cards for tests."""

from typing import Any

from mce_landcover.core.model.card import ModelCard
from mce_landcover.core.model.classes import load_catalogue


def tlm_card(
    encoder: str = "resnet18", decoder: str = "deeplabv3plus", n_experts: int = 3, **changes: Any
) -> ModelCard:
    """Return a small valid card: nine TLM classes, nested experts, RGB + DEM; `changes` replace fields."""
    classes = load_catalogue()
    ids = {
        "all": [c.id for c in classes],
        "body and tail": [c.id for c in classes if c.group != "head"],
        "tail": [c.id for c in classes if c.group == "tail"],
    }
    fields: dict[str, Any] = {
        "name": "test",
        "architecture": {
            "decoder": decoder,
            "encoder": encoder,
            "decoder_channels": 16,
            "expert_channels": 16,
        },
        "classes": classes,
        "experts": [{"name": n, "classes": c} for n, c in list(ids.items())[:n_experts]],
        "sources": [
            {
                "role": "image",
                "bands": ["R", "G", "B"],
                "gsd_m": 0.25,
                "normalisation": {"scale": 1 / 255, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.2, 0.3]},
            },
            {
                "role": "dem",
                "bands": ["height"],
                "gsd_m": 0.5,
                "unit": "m",
                "normalisation": {"kind": "window_min", "mean": [40.0], "std": [20.0]},
            },
        ],
        "gsd_m": 0.5,
        "window": 64,
        "stride": 32,
        "pixel_counts": list(range(1, 10)),
    }
    return ModelCard.model_validate(fields | changes)
