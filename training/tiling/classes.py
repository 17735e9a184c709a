"""The classes of tiles-to-be: named by a catalogue, a class table or a model, else found in the labels
themselves; groups and colours are filled in where nobody gave them."""

import colorsys
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import rasterio
from numpy.typing import NDArray
from pydantic import ValidationError

from ...core.base.errors import InputError
from ...core.geodata.class_table import class_key, read_class_table
from ...core.model.bundle import load_bundle
from ...core.model.classes import CATALOGUES, NODATA_CLASS, Group, LandCoverClass, load_catalogue
from ..data.tiles import frequency_groups

#: Turns of the colour wheel between neighbouring ids, so that no two look alike.
_GOLDEN = 0.618034


@dataclass(frozen=True)
class ClassEntry:
    """A class as far as it is known."""

    id: int
    name: str
    color: str | None = None
    group: Group | None = None
    codes: tuple[int, ...] = ()


def named_classes(choice: str | None) -> tuple[ClassEntry, ...] | None:
    """Return the classes that the user names, None for those of the labels.

    Args:
        choice: nothing, a shipped catalogue, or a file: a class table (CSV with `id`, `name` and perhaps
            `group`), a catalogue (JSON) or a model (its classes).

    Raises:
        InputError: if there are no such classes, or they cannot be read.
    """
    if not choice:
        return None
    shipped = sorted(file.stem for file in CATALOGUES.glob("*.json"))
    if choice in shipped:
        return _entries(load_catalogue(choice))
    path = Path(choice)
    if path.suffix.lower() == ".csv":
        return tuple(ClassEntry(c.id, c.name, None, _group(c.group)) for c in read_class_table(path))
    if path.suffix.lower() == ".safetensors":
        return _entries(load_bundle(path).card.classes)
    if path.suffix.lower() == ".json":
        return _entries(_read_catalogue(path))
    raise InputError(
        f"There is no catalogue {choice!r}: give one of {', '.join(shipped)}, or a class table (.csv), a "
        "catalogue (.json) or a model (.safetensors)."
    )


def classes_of_values(values: Sequence[object]) -> tuple[ClassEntry, ...]:
    """Return a class for each value of a field: of that id where all are numbers, else by the names' order.

    Raises:
        InputError: if there are too many, or a number is no id.
    """
    names = {key: str(value).strip() for value in values if (key := class_key(value)) not in ("", "0")}
    if len(names) >= NODATA_CLASS:
        raise InputError(
            f"The field of the labels has {len(names)} values, which are no classes; choose another field."
        )
    if all(key.isdecimal() for key in names):
        if any(int(key) >= NODATA_CLASS for key in names):
            raise InputError("The field of the labels has numbers above 254; name their classes in a table.")
        return tuple(ClassEntry(i, f"class {i}") for i in sorted(map(int, names)))
    return tuple(ClassEntry(i, names[key]) for i, key in enumerate(sorted(names), start=1))


def classes_of_raster(path: Path) -> tuple[ClassEntry, ...]:
    """Return a class for each id 1..254 with the name (tag `CLASS_<id>`) and colour that a raster gives."""
    with rasterio.open(path) as file:
        names, palette = file.tags(1), _palette(file)
    return tuple(
        ClassEntry(i, names.get(f"CLASS_{i}") or f"class {i}", palette.get(i)) for i in range(1, NODATA_CLASS)
    )


def finished(entries: Sequence[ClassEntry], pixels: NDArray[np.int64]) -> tuple[LandCoverClass, ...]:
    """Return the classes with what is missing: colours, and groups by the share of the `pixels` `[C]`.

    Raises:
        InputError: if there are fewer than two.
    """
    if len(entries) < 2:
        named = f", {entries[0].name}" if entries else ""
        raise InputError(f"A training needs at least two classes; the labels have {len(entries)}{named}.")
    groups: Sequence[Group | None] = [entry.group for entry in entries]
    if None in groups:
        groups = _groups(pixels)
    complete = [
        replace(d, group=g, color=d.color or _color(d.id)) for d, g in zip(entries, groups, strict=True)
    ]
    try:
        return tuple(LandCoverClass.model_validate(vars(entry)) for entry in complete)
    except ValidationError as error:
        raise InputError(f"A class cannot be used: {error.errors()[0]['msg']}.") from error


def codes_of(entries: Sequence[ClassEntry]) -> Mapping[int, int]:
    """Return source's code -> class id; a class without codes goes by its id."""
    return {code: entry.id for entry in entries for code in entry.codes or (entry.id,)}


def _groups(pixels: NDArray[np.int64]) -> Sequence[Group]:
    if len(pixels) > 2:
        return frequency_groups(pixels.tolist())
    return ["head", "tail"] if pixels[0] >= pixels[1] else ["tail", "head"]


def _group(text: str) -> Group | None:
    return next((group for group in get_args(Group) if group == text.casefold()), None)


def _entries(classes: Sequence[LandCoverClass]) -> tuple[ClassEntry, ...]:
    return tuple(ClassEntry(c.id, c.name, c.color, c.group, c.codes) for c in classes)


def _read_catalogue(path: Path) -> tuple[LandCoverClass, ...]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["classes"]
        return tuple(LandCoverClass.model_validate(entry) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The catalogue {path} cannot be read; write it like resources/catalogues/swisstlm3d.json."
        ) from error


def _palette(file: rasterio.DatasetReader) -> dict[int, str]:
    try:
        table = file.colormap(1)
    except ValueError:  # the raster has none
        return {}
    return {
        i: "#{:02x}{:02x}{:02x}".format(*color[:3]) for i, color in table.items() if color[:3] != (0, 0, 0)
    }


def _color(class_id: int) -> str:
    red, green, blue = colorsys.hsv_to_rgb(class_id * _GOLDEN % 1, 0.65, 0.85)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
