"""The layer of points that an interpreter fills in: written empty by the draw of a sample, read with its
reference classes for the estimates of `map_accuracy.py`."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS

from .class_table import MapClass, class_key, ids_by_key
from .engine.files import disk_errors
from .errors import InputError, OutputError
from .map_accuracy import MapAccuracy, estimate_accuracy

LAYER = "sample"
_NEEDED = ("map_class", "map_name", "reference", "stratum_pixels", "pixel_m2")


@dataclass(frozen=True, eq=False)
class Points:
    """Coordinates and class id of each point `[n]`, and what is the same for a stratum."""

    x: NDArray[np.floating[Any]]
    y: NDArray[np.floating[Any]]
    ids: NDArray[np.int64]
    pixels: NDArray[np.int64]  # (255,)
    pixel_m2: float


def write_sample(points: Points, classes: Sequence[MapClass], crs: CRS, output: Path) -> None:
    """Write the points as a layer whose field `reference` waits for the interpreter.

    Raises:
        OutputError: if it cannot be written; nothing half-written is left.
    """
    names = {c.id: c.name for c in classes}
    n = len(points.ids)
    columns: dict[str, NDArray[Any]] = {
        "point": np.arange(1, n + 1, dtype=np.int32),
        "map_class": points.ids.astype(np.int32),
        "map_name": np.array([names[i] for i in points.ids.tolist()], object),
        "reference": np.full(n, None, object),
        "comment": np.full(n, None, object),
        "stratum_pixels": points.pixels[points.ids].astype(np.int64),
        "pixel_m2": np.full(n, points.pixel_m2),
    }
    part = output.with_name(f".{output.stem}.part.gpkg")
    with disk_errors(output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            pyogrio.raw.write(
                part,
                shapely.to_wkb(shapely.points(points.x, points.y)),
                list(columns.values()),
                list(columns),
                layer=LAYER,
                driver="GPKG",
                geometry_type="Point",
                crs=crs.to_wkt(),
            )
            part.replace(output)
        except DataSourceError as error:
            raise OutputError(f"{output} cannot be written; check the folder and the disk.") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


@dataclass(frozen=True, eq=False)
class Sample:
    """An interpreted sample of C classes.

    Attributes:
        counts: `[C, C]` points, mapped classes in rows, reference classes in columns.
        mapped_pixels: `[C]`.
        points, map_ids: coordinates `[n, 2]` in `crs` and mapped class id `[n]` of all points.
        n_open: points without a reference, which count nowhere.
    """

    classes: tuple[MapClass, ...]
    counts: NDArray[np.int64]
    mapped_pixels: NDArray[np.int64]
    pixel_m2: float
    crs: CRS
    points: NDArray[np.float64]
    map_ids: NDArray[np.int64]
    n_open: int

    def accuracy(self) -> MapAccuracy:
        """Return the estimates; see `estimate_accuracy`."""
        return estimate_accuracy(self.counts, self.mapped_pixels, [c.name for c in self.classes])


def read_sample(path: Path, classes: Sequence[MapClass] = ()) -> Sample:
    """Read a layer that `draw_sample` wrote and people filled in.

    Args:
        path: GeoPackage, or another layer with the same fields.
        classes: that `reference` may name beside the mapped ones.

    Raises:
        InputError: if it cannot be read, misses fields, has no reference at all, or names an unknown class.
    """
    info, wkb, columns = _read_layer(path)
    map_ids = np.asarray(columns["map_class"]).astype(np.int64)
    mapped = {int(i): str(name) for i, name in zip(map_ids, columns["map_name"], strict=True)}
    strata = {int(i): int(n) for i, n in zip(map_ids, columns["stratum_pixels"], strict=True)}
    known = {c.id: c for c in (*(MapClass(i, name) for i, name in mapped.items()), *classes)}
    reference, n_open = _references(columns["reference"].tolist(), tuple(known.values()), path)
    used = sorted(set(mapped) | set(reference.values()))
    index = {i: c for c, i in enumerate(used)}
    counts = np.zeros((len(used), len(used)), np.int64)
    for row, true in reference.items():
        counts[index[int(map_ids[row])], index[true]] += 1
    return Sample(
        tuple(known[i] for i in used),
        counts,
        np.array([strata.get(i, 0) for i in used], np.int64),
        float(columns["pixel_m2"][0]),
        CRS.from_user_input(info["crs"]),
        shapely.get_coordinates(shapely.from_wkb(wkb)),
        map_ids,
        n_open,
    )


def _read_layer(path: Path) -> tuple[dict[str, Any], NDArray[Any], dict[str, NDArray[Any]]]:
    if not path.exists():
        raise InputError(f"The sample {path} does not exist.")
    try:
        info = pyogrio.read_info(path)
        missing = [name for name in _NEEDED if name not in info["fields"]]
        if missing:
            raise InputError(f"{path} has no field {missing[0]!r}, so it is no sample drawn from a map.")
        meta, _, wkb, columns = pyogrio.raw.read(path, columns=list(_NEEDED), force_2d=True)
    except (DataSourceError, DataLayerError) as error:
        raise InputError(f"{path} is no layer of points that can be read.") from error
    if not len(wkb) or info["crs"] is None:
        raise InputError(f"{path} has no points or no coordinate reference system, so it says nothing.")
    return info, wkb, dict(zip(meta["fields"].tolist(), columns, strict=True))


def _references(values: Sequence[Any], classes: Sequence[MapClass], path: Path) -> tuple[dict[int, int], int]:
    """Return the reference class id of each interpreted row, and how many rows are not interpreted."""
    ids, found, n_open = ids_by_key(classes), {}, 0
    for row, value in enumerate(values):
        key = class_key(value)
        if not key:
            n_open += 1
        elif key not in ids:
            raise InputError(
                f"The sample {path} names the reference class {value!r}, which is not known; write an id "
                f"or a name of {', '.join(f'{c.id} ({c.name})' for c in classes)}, or give a class table."
            )
        else:
            found[row] = ids[key]
    if not found:
        raise InputError(f"No point of {path} is interpreted yet: write the true classes into 'reference'.")
    return found, n_open
