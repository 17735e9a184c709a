"""What a candidates file says of each candidate and of the run. Writing it lives in `geopackage.py`."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..catalogue import LandCoverClass
from ..grid import name_of
from ..version import package_version
from .candidates import Candidates
from .pixels import RunPixels

#: Namespace of the uuids of candidates.
_NAMESPACE = uuid.UUID("8d2c7d0e-6b8f-5f0a-9a55-5f2a1c3f7b61")


def make_columns(
    found: Candidates,
    pixels: RunPixels,
    ranks: NDArray[np.int64],
    scores: NDArray[np.float64] | None,
) -> dict[str, NDArray[Any]]:
    """Return the attributes of the layer, see `geopackage.COLUMNS`."""
    table, record = found.table, pixels.record
    rows, cols = np.divmod(table.first, pixels.shape[1])
    rows, cols = rows + pixels.extent.row0, cols + pixels.extent.col0
    names = {c.id: c.name for c in record.classes}
    return {
        "uuid": np.array(make_uuids(pixels, found.class_ids, rows, cols), object),
        "class_id": found.class_ids,
        "class_name": np.array([names[id_] for id_ in found.class_ids.tolist()], object),
        "area_m2": table.n_pixels * pixels.grid.gsd**2,
        "score": np.full(len(found), np.nan) if scores is None else scores,
        "rank": ranks,
        "bayes_class_id": found.bayes_ids,
        "bayes_class_name": np.array([names[id_] for id_ in found.bayes_ids.tolist()], object),
        "entropy": table.metrics["E"],
        "margin": table.metrics["M"],
        "variation": table.metrics["V"],
        "n_experts": found.agreeing.sum(axis=1),
        "experts": np.array([_joined(record.experts, row) for row in found.agreeing], object),
        "support": found.support,
        "x": found.x,
        "y": found.y,
        "row_first": rows,
        "col_first": cols,
        "run": np.array([pixels.run.absolute().name] * len(found), object),
    }


def _joined(experts: Sequence[str], agreeing: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, agrees in zip(experts, agreeing, strict=True) if agrees)


def make_uuids(
    pixels: RunPixels,
    class_ids: NDArray[np.integer],
    rows: NDArray[np.integer],
    cols: NDArray[np.integer],
) -> list[str]:
    """Return the uuid of each candidate, from model, rule, class and first pixel on the world grid: flagging
    again gives the same, and so does flagging a part.
    """
    code = pixels.grid.crs.to_epsg()
    place = (f"EPSG:{code}" if code else pixels.grid.crs.to_wkt(), repr(pixels.grid.gsd))
    rule = (pixels.record.model.sha256, repr(float(pixels.alpha)), pixels.priors_sha256)
    base = uuid.uuid5(_NAMESPACE, "|".join((*rule, *place)))
    keys = zip(class_ids.tolist(), rows.tolist(), cols.tolist(), strict=True)
    return [str(uuid.uuid5(base, f"{class_id}|{row}|{col}")) for class_id, row, col in keys]


def describe_run(
    pixels: RunPixels, classes: Sequence[LandCoverClass], asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the table `run` says: of the run, of the flagged classes, and what else was asked for."""
    record, grid = pixels.record, pixels.grid
    return {
        "run": pixels.run.absolute().name,
        "run_folder": str(pixels.run.absolute()),
        "model": record.model.name,
        "model_sha256": record.model.sha256,
        "alpha": pixels.alpha,
        "priors_sha256": pixels.priors_sha256,
        "aggregation": record.parameters.aggregation,
        "classes": [_class(c) for c in classes],
        "map_classes": [_class(c) for c in record.classes],
        "experts": list(record.experts),
        "grid": {
            "crs": name_of(grid.crs),
            "crs_wkt": grid.crs.to_wkt(),
            "gsd": grid.gsd,
            "shape": list(pixels.shape),
            "bounds": list(grid.bounds(pixels.extent)),
        },
        "feature_names": list(pixels.feature_names),
        "version": package_version(),
        **asked,
    }


def _class(c: LandCoverClass) -> dict[str, Any]:
    return {"id": c.id, "name": c.name, "color": c.color, "group": c.group}
