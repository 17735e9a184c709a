"""BigEarthNet (Sentinel-2): folders of patches, their labels in either nomenclature, and lists of splits. No
other format is read here."""

import csv
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from ...core.base.errors import InputError
from ...core.model.card import Normalisation, SourceSpec
from ...core.model.classes import LandCoverClass, load_catalogue
from ..data.rasters import read_bands
from ..data.tiles import FloatArray
from .tiles import Bools

Nomenclature = Literal["bigearthnet43", "bigearthnet19"]
#: Side of a patch in pixels of 10 m.
SIDE = 120
GSD_M = 10.0
#: Bands by the side of their pixels, in the order in which they are read.
BANDS: dict[int, tuple[str, ...]] = {
    10: ("B02", "B03", "B04", "B08"),
    20: ("B05", "B06", "B07", "B8A", "B11", "B12"),
    60: ("B01", "B09"),
}
ALL_BANDS = tuple(band for bands in BANDS.values() for band in bands)
#: Reflectance 1 in the files.
_ONE = 10_000.0
_THREADS = 8


@dataclass(frozen=True, eq=False)
class BigEarthNet:
    """Patches of 120 x 120 pixels of 10 m; coarser bands are repeated onto that grid.

    `folder / name / <name>_<band>.tif` are the files, uint16, reflectance times 10,000.
    """

    folder: Path
    names: Sequence[str]
    labels: Bools
    bands: tuple[str, ...] = ALL_BANDS

    def read(self, index: int) -> FloatArray:
        """Read a patch, `[n_bands, 120, 120]`.

        Raises:
            InputError: if a band is missing, broken or of another size.
        """
        name = self.names[index]
        return np.concatenate([self._band(name, band) for band in self.bands])

    def _band(self, name: str, band: str) -> FloatArray:
        factor = _pixel_size(band) // 10
        side = SIDE // factor
        values = read_bands(_band_file(self.folder, name, band), 1, (side, side))
        repeated: FloatArray = values.repeat(factor, axis=1).repeat(factor, axis=2)
        return repeated


def read_bigearthnet(
    folder: Path,
    nomenclature: Nomenclature,
    listing: Path | None = None,
    *,
    excluded: Sequence[Path] = (),
    bands: Sequence[str] = ALL_BANDS,
) -> BigEarthNet:
    """Open the patches of a list, or all of a folder, and read their labels; no picture is read yet.

    Patches without a label of the nomenclature are left out (57 in BigEarthNet-19).

    Args:
        folder: holds one folder per patch.
        listing: CSV whose first column names patches, without a header, as the official splits are.
        excluded: lists of patches to leave out, as those of snow and clouds are.
        bands: which to read, in this order.

    Raises:
        InputError: if a list names a patch that is not there, a patch lacks one of the bands or its labels,
            or a label is unknown; the sentence says which.
    """
    unknown = sorted(set(bands) - set(ALL_BANDS))
    if unknown or not bands:
        raise InputError(
            f"BigEarthNet has no band {unknown[0] if unknown else ''!r}: {', '.join(ALL_BANDS)}."
        )
    names = _names(folder, listing)
    left_out = {name for path in excluded for name in read_list(path)}
    names = [name for name in names if name not in left_out]
    classes = load_catalogue(nomenclature)
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(lambda name: _checked(folder, name, bands, classes), names))
    labels = np.array(found, np.bool_).reshape(len(names), len(classes))
    kept = np.asarray(labels.any(axis=1))
    if not kept.any():
        raise InputError(f"No patch of {listing or folder} has a label of {nomenclature}.")
    return BigEarthNet(folder, [n for n, k in zip(names, kept, strict=True) if k], labels[kept], tuple(bands))


def read_list(path: Path) -> list[str]:
    """Return the patches that the first column of a CSV names.

    Raises:
        InputError: if it cannot be read or is empty.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names = [row[0].strip() for row in csv.reader(file) if row and row[0].strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The list {path} cannot be read ({error}).") from error
    if not names:
        raise InputError(f"The list {path} names no patch.")
    return names


def bigearthnet_sources(bands: Sequence[str] = ALL_BANDS) -> tuple[SourceSpec, ...]:
    """Return the sources of a card, one per pixel size, finest first; normalisation is measured later.

    Raises:
        InputError: if bands of one pixel size do not follow each other, or coarse ones come first.
    """
    sizes = [_pixel_size(band) for band in bands]
    if sizes != sorted(sizes):
        raise InputError("Name the bands of BigEarthNet by pixel size, those of 10 m first.")
    sources = []
    for size in sorted(set(sizes)):
        own = tuple(band for band in bands if _pixel_size(band) == size)
        plain = Normalisation(scale=1 / _ONE, mean=(0.0,) * len(own), std=(1.0,) * len(own))
        sources.append(
            SourceSpec(
                role=f"sentinel2_{size}m",
                bands=own,
                gsd_m=float(size),
                resampling="nearest",
                normalisation=plain,
            )
        )
    return tuple(sources)


def labels_of(names: Sequence[str], classes: Sequence[LandCoverClass], patch: str) -> list[bool]:
    """Return which classes the CORINE names of a patch stand for, `[C]`; some stand for none of 19.

    Raises:
        InputError: if a name is none of CORINE's.
    """
    codes = _corine_codes()
    for name in names:
        if name not in codes:
            raise InputError(f"The patch {patch} has the unknown label {name!r}.")
    own = {codes[name] for name in names}
    return [bool(own.intersection(c.codes)) for c in classes]


@cache
def _corine_codes() -> dict[str, int]:
    return {c.name: c.codes[0] for c in load_catalogue("bigearthnet43")}


def _names(folder: Path, listing: Path | None) -> list[str]:
    if not folder.is_dir():
        raise InputError(f"The folder {folder} of BigEarthNet does not exist.")
    present = {path.name for path in folder.iterdir() if path.is_dir()}
    if listing is None:
        if not present:
            raise InputError(f"{folder} holds no folder of a patch.")
        return sorted(present)
    names = read_list(listing)
    absent = [name for name in names if name not in present]
    if absent:
        more = f" and {len(absent) - 1:,} more" if len(absent) > 1 else ""
        raise InputError(f"{listing} names patches that {folder} does not hold: {absent[0]}{more}.")
    return names


def _checked(folder: Path, name: str, bands: Sequence[str], classes: Sequence[LandCoverClass]) -> list[bool]:
    """Return the labels of a patch, having seen that all its bands are there."""
    missing = [band for band in bands if not _band_file(folder, name, band).is_file()]
    if missing:
        raise InputError(
            f"The patch {name} in {folder} lacks the band{'s' * (len(missing) > 1)} {', '.join(missing)}."
        )
    path = folder / name / f"{name}_labels_metadata.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))["labels"]
    except OSError as error:
        raise InputError(f"The labels {path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the label file of a patch: it has no list of labels.") from error
    if not isinstance(said, list) or not all(isinstance(label, str) for label in said):
        raise InputError(f"{path} is not the label file of a patch: its labels are no list of names.")
    return labels_of(said, classes, name)


def _band_file(folder: Path, name: str, band: str) -> Path:
    return folder / name / f"{name}_{band}.tif"


def _pixel_size(band: str) -> int:
    return next(size for size, bands in BANDS.items() if band in bands)
