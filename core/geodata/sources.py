"""Raster files as a user gives them: what each is, in which unit, whether it can be used, and several as one.
Reading them onto the grid lives in `cells.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError, RasterioIOError

from ..base.errors import InputError
from ..model.card import ModelCard, SourceSpec, TileCard
from .grid import horizontal
from .mosaic import BandStyle, Mosaic, Placement

_SYNONYMS = {
    "m": {"m", "metre", "metres", "meter", "meters"},
    "ft": {"ft", "foot", "feet", "international foot"},
    "us-ft": {"us-ft", "ftus", "us survey foot", "us survey feet", "foot us", "foot_us", "u.s. foot"},
    "cm": {"cm", "centimetre", "centimetres", "centimeter", "centimeters"},
    "mm": {"mm", "millimetre", "millimetres", "millimeter", "millimeters"},
    "km": {"km", "kilometre", "kilometres", "kilometer", "kilometers"},
}
_CANONICAL = {name: unit for unit, names in _SYNONYMS.items() for name in names}
_VERTICAL_UNIT = re.compile(r'VERT_?(?:CS|CRS)\[.*?(?:LENGTH)?UNIT\["([^"]+)"', re.DOTALL)


def same_unit(one: str, other: str) -> bool:
    """Tell whether two unit names mean the same, as far as their spelling is known here."""
    return _canonical(one) == _canonical(other)


def declared_unit(dataset: Any) -> str | None:
    """Return the unit that an open raster declares: of its bands, else of its vertical CRS; None if of
    neither.
    """
    for unit in dataset.units:
        if unit:
            return str(unit)
    match = _VERTICAL_UNIT.search(dataset.crs.to_wkt()) if dataset.crs else None
    return match.group(1) if match else None


def _canonical(name: str) -> str:
    folded = name.strip().lower()
    return _CANONICAL.get(folded, folded)


#: Files of a mosaic may stand off their common grid by this share of a pixel.
MOSAIC_TOLERANCE = 0.01
#: Georeference of a raster that has none, as rasterio gives it.
_IDENTITY = Affine.identity()


@dataclass(frozen=True)
class Raster:
    """One raster, or several as one: `name` is what GDAL opens (a path or a VRT document), `files` what is
    read.

    `nodata` is NaN for floating-point rasters that declare none; `alpha` is the index of the alpha band;
    `masked` says that validity is in a mask of its own.
    """

    name: str
    files: tuple[Path, ...]
    crs: CRS
    transform: Affine
    width: int
    height: int
    n_bands: int
    dtype: str
    nodata: float | None
    alpha: int | None = None
    masked: bool = False

    @property
    def gsd(self) -> float:
        """Ground sampling distance in units of its CRS (the geometric mean of both directions)."""
        return float((self.transform.a * -self.transform.e) ** 0.5)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in its CRS."""
        left, top = self.transform @ (0, 0)
        right, bottom = self.transform @ (self.width, self.height)
        return left, bottom, right, top


def open_sources(card: ModelCard | TileCard, given: Mapping[str, Sequence[Path]]) -> dict[str, Raster]:
    """Look at every raster that the model needs; none is read yet.

    Returns:
        One raster per source of the card, in the card's order.

    Raises:
        InputError: if a role is missing or unknown, or a raster cannot be used; the sentence names the file.
    """
    needed = [source.role for source in card.sources]
    wanted = ", ".join(needed)
    for role in given:
        if role not in needed:
            raise InputError(f"The model {card.name} has no source {role!r}; it reads {wanted}.")
    for role in needed:
        if not given.get(role):
            raise InputError(
                f"The model {card.name} needs a raster for its source {role!r}; it reads {wanted}."
            )
    return {source.role: open_source(source, given[source.role]) for source in card.sources}


def open_source(spec: SourceSpec, paths: Sequence[Path]) -> Raster:
    """Look at the raster of one source, or at several that are one mosaic."""
    rasters = [inspect(Path(path), spec) for path in paths]
    return rasters[0] if len(rasters) == 1 else join(rasters)


def inspect(path: Path, spec: SourceSpec) -> Raster:
    """Return what a raster is.

    Raises:
        InputError: if it is no raster, is truncated, has no CRS, another number of bands or unit than the
            source, or a transform that is not north-up.
    """
    if not path.exists():
        raise InputError(f"The raster {path} does not exist.")
    try:
        with rasterio.open(path) as dataset:
            return _describe(dataset, path, spec)
    except RasterioError as error:
        raise InputError(
            f"{path} is not a raster that can be read, or is incomplete; export it again."
        ) from error


def _describe(dataset: Any, path: Path, spec: SourceSpec) -> Raster:
    if dataset.crs is None:
        raise InputError(f"{path} has no coordinate reference system; assign one and try again.")
    _check_transform(dataset.transform, path)
    alpha = _alpha_band(dataset)
    count = dataset.count - (alpha is not None)
    if count != len(spec.bands) or alpha not in (None, dataset.count):
        raise InputError(
            f"{path} has {count} band{'s' * (count != 1)}, but the model's source {spec.role!r} has "
            f"{len(spec.bands)} ({', '.join(spec.bands)}); give a raster with these bands in this order."
        )
    if len(set(dataset.dtypes)) != 1 or dataset.dtypes[0].startswith("complex"):
        raise InputError(f"The bands of {path} do not share one real data type; convert them to one.")
    found = declared_unit(dataset)
    if spec.unit and found and not same_unit(found, spec.unit):
        raise InputError(
            f"{path} is in {found}, but the model's source {spec.role!r} is in {spec.unit}; convert it."
        )
    _check_complete(dataset, path)
    nodata = dataset.nodata if dataset.nodata is not None else spec.nodata
    own_mask = MaskFlags.per_dataset in dataset.mask_flag_enums[0] and alpha is None
    if nodata is None and dataset.dtypes[0].startswith("float"):
        nodata = float("nan")
    return Raster(
        str(path),
        (path,),
        horizontal(dataset.crs),
        dataset.transform,
        dataset.width,
        dataset.height,
        count,
        dataset.dtypes[0],
        None if own_mask or alpha is not None else nodata,
        alpha,
        own_mask,
    )


def _check_transform(transform: Affine, path: Path) -> None:
    if transform == _IDENTITY:
        raise InputError(f"{path} is not georeferenced; georeference it and try again.")
    if abs(transform.b) > 1e-9 * abs(transform.a) or abs(transform.d) > 1e-9 * abs(transform.e):
        raise InputError(f"{path} is rotated or sheared; warp it to a north-up raster and try again.")
    if transform.e >= 0 or transform.a <= 0:
        raise InputError(
            f"{path} is stored upside down or mirrored (pixel size {transform.a:g}, {transform.e:g}); "
            "warp it to a north-up raster and try again."
        )


def _alpha_band(dataset: Any) -> int | None:
    interpretations = list(dataset.colorinterp)
    return interpretations.index(ColorInterp.alpha) + 1 if ColorInterp.alpha in interpretations else None


def _check_complete(dataset: Any, path: Path) -> None:
    """Raise InputError if a TIFF's blocks end behind the end of the file: it was cut off while being
    copied.
    """
    if dataset.driver not in ("GTiff", "COG") or not path.is_file():
        return
    size = path.stat().st_size
    rows, cols = dataset.block_shapes[0]
    n_down, n_across = -(-dataset.height // rows), -(-dataset.width // cols)
    for band in {1, dataset.count}:
        for down, across in product(range(n_down), range(n_across)):
            start = dataset.get_tag_item(f"BLOCK_OFFSET_{across}_{down}", "TIFF", bidx=band)
            length = dataset.get_tag_item(f"BLOCK_SIZE_{across}_{down}", "TIFF", bidx=band)
            if start and length and int(start) + int(length) > size:
                raise InputError(f"{path} is incomplete (truncated); copy or export it again.")


def join(rasters: Sequence[Raster]) -> Raster:
    """Return several rasters of one grid as one; where they overlap, later ones lie on top.

    Raises:
        InputError: if they differ in CRS, pixel size, bands or data type, or do not share one pixel grid.
    """
    first = rasters[0]
    for other in rasters[1:]:
        _check_same(first, other)
    left = min(r.bounds[0] for r in rasters)
    top = max(r.bounds[3] for r in rasters)
    transform = Affine(first.transform.a, 0.0, left, 0.0, first.transform.e, top)
    places = [_place(raster, transform, first) for raster in rasters]
    masked = first.alpha is not None or first.masked or first.nodata is None
    mosaic = Mosaic(
        width=max(p.col + p.width for p in places),
        height=max(p.row + p.height for p in places),
        wkt=first.crs.to_wkt(),
        transform=transform,
        dtype=first.dtype,
        bands=[BandStyle()] * first.n_bands,
        placements=places,
        nodata=None if masked else first.nodata,
        masked=masked,
    )
    files = tuple(file for raster in rasters for file in raster.files)
    return Raster(
        mosaic.document(),
        files,
        first.crs,
        transform,
        mosaic.width,
        mosaic.height,
        first.n_bands,
        first.dtype,
        mosaic.nodata,
        None,
        masked,
    )


def _check_same(first: Raster, other: Raster) -> None:
    pairs = (
        ("coordinate reference system", first.crs, other.crs),
        ("number of bands", first.n_bands, other.n_bands),
        ("data type", first.dtype, other.dtype),
        ("nodata value", repr(first.nodata), repr(other.nodata)),
    )
    for what, one, two in pairs:
        if one != two:
            raise InputError(
                f"{other.files[0]} and {first.files[0]} differ in their {what}, so they cannot be one "
                "mosaic; "
                "bring them to one form first."
            )
    width = max(first.width, other.width)
    if abs(first.transform.a - other.transform.a) * width > MOSAIC_TOLERANCE * first.transform.a:
        raise InputError(
            f"{other.files[0]} and {first.files[0]} differ in their pixel size, so they cannot be one "
            "mosaic; "
            "resample one of them first."
        )


def _place(raster: Raster, transform: Affine, first: Raster) -> Placement:
    col, row = ~transform @ (raster.transform.c, raster.transform.f)
    if abs(col - round(col)) > MOSAIC_TOLERANCE or abs(row - round(row)) > MOSAIC_TOLERANCE:
        raise InputError(
            f"{raster.files[0]} does not stand on the pixel grid of {first.files[0]}, so they cannot "
            "be one mosaic; "
            "resample one of them first."
        )
    return Placement(raster.files[0], round(col), round(row), raster.width, raster.height)


def unreadable(raster: Raster, error: RasterioIOError | Exception) -> InputError:
    """Return the error for a raster that broke while being read."""
    name = str(raster.files[0]) if len(raster.files) == 1 else f"One of {len(raster.files)} files"
    detail = str(error.__cause__ or error).strip().splitlines()[0][:200]
    return InputError(f"{name} cannot be read to its end ({detail}); copy or export it again.")
