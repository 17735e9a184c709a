"""What the rasters of a folder-to-be are: roles, bands and ranges, as far as the files tell. Reading them is
the engine's business."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rasterio
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError

from ...core.base.errors import InputError
from ...core.model.card import Normalisation, SourceSpec

#: The role whose values are heights above the sea: a model sees them above the lowest of its window.
RELIEF = "dem"
_COLOURS = {1: ("grey",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "NIR")}
_BYTE_SCALE = 1 / 255


def describe_source(role: str, files: Sequence[Path], gsd_m: float) -> SourceSpec:
    """Return a source with the bands of its first file; the normalisation is measured when training.

    Bands of an `image` are R, G, B and NIR in this order; others are named as the file names them.

    Raises:
        InputError: if the file cannot be read, or the role is no name for one.
    """
    try:
        with rasterio.open(files[0]) as file:
            alpha = ColorInterp.alpha in file.colorinterp
            n = max(1, file.count - alpha)
            names, is_byte = list(file.descriptions[:n]), file.dtypes[0] == "uint8"
    except RasterioError as error:
        raise InputError(
            f"{files[0]} is not a raster that can be read, or is incomplete; export it again."
        ) from error
    if not (role.isidentifier() and role.islower()):
        raise InputError(f"A source cannot be called {role!r}; use lower-case letters, digits and _.")
    return SourceSpec(
        role=role,
        bands=_band_names(role, n, names),
        gsd_m=gsd_m,
        normalisation=Normalisation(
            kind="window_min" if role == RELIEF else "standard",
            scale=_BYTE_SCALE if is_byte and role != RELIEF else 1.0,
            mean=(0.0,) * n,
            std=(1.0,) * n,
        ),
        unit="m" if role == RELIEF else None,
    )


def with_scales(specs: Sequence[SourceSpec], largest: Mapping[str, float]) -> tuple[SourceSpec, ...]:
    """Return the sources with images of more than 8 bits scaled by their `largest` value.

    Colours are varied in training between 0 and what is scaled to 1.
    """
    found = []
    for spec in specs:
        norm = spec.normalisation
        if spec.role == "image" and norm.scale == 1.0 and largest[spec.role] > 0:
            norm = norm.model_copy(update={"scale": 1 / largest[spec.role]})
        found.append(spec.model_copy(update={"normalisation": norm}))
    return tuple(found)


def is_rounded(spec: SourceSpec, dtype: Any) -> bool:
    """Are the source's tiles stored as the whole numbers that its files hold? Heights never are."""
    return spec.normalisation.kind == "standard" and dtype in ("uint8", "uint16")


def _band_names(role: str, n: int, described: Sequence[str | None]) -> tuple[str, ...]:
    if role == RELIEF and n == 1:
        return ("height",)
    if role == "image" and n in _COLOURS:
        return _COLOURS[n]
    names = [name or f"{role} {i}" if n > 1 else role for i, name in enumerate(described, start=1)]
    unique = len(set(names)) == n
    return tuple(names) if unique else tuple(f"{role} {i}" for i in range(1, n + 1))
