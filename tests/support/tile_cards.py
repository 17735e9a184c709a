"""Cards of screening models for tests."""

from typing import Any

from mce_landcover.core.model.card import TileCard
from mce_landcover.core.model.classes import load_catalogue


def tile_card(kind: str = "patch_cnn", window: int = 32, **changes: Any) -> TileCard:
    """Return a small valid card: nine TLM classes, RGB + DEM at 1 m; `changes` replace fields."""
    fields: dict[str, Any] = {
        "name": "test screen",
        "architecture": {"kind": kind, "width": 8},
        "classes": load_catalogue(),
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
        "gsd_m": 1.0,
        "window": window,
        "label_counts": list(range(1, 10)),
        "n_samples": 20,
    }
    return TileCard.model_validate(fields | changes)


def sentinel_card(n_classes: int = 9, width: int = 16) -> TileCard:
    """Return a card with Sentinel-2's three pixel sizes: 4, 6 and 2 bands at 10, 20 and 60 m."""
    return tile_card(
        window=120,
        architecture={"kind": "three_branch", "width": width},
        classes=load_catalogue()[:n_classes],
        label_counts=[1] * n_classes,
        sources=[
            {
                "role": role,
                "bands": [f"{role}_{i}" for i in range(n)],
                "gsd_m": gsd_m,
                "normalisation": {"mean": [0.0] * n, "std": [1.0] * n},
            }
            for role, n, gsd_m in (("fine", 4, 10.0), ("middle", 6, 20.0), ("coarse", 2, 60.0))
        ],
        gsd_m=10.0,
    )
