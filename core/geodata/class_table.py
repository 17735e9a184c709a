"""What the ids of a class raster mean: names and groups, from a table of the user's, and looking a class up
by name or id."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import InputError
from ..model.classes import NODATA_CLASS


@dataclass(frozen=True)
class MapClass:
    """One class: `id` is its raster value; `group` and `color` (`#rrggbb`) may be empty."""

    id: int
    name: str
    group: str = ""
    color: str = ""


def read_class_table(path: Path) -> tuple[MapClass, ...]:
    """Return the classes of a CSV file with the columns `id`, `name` and perhaps `group` and `color`, in its
    order.

    Comma, semicolon and tabulator separate alike.

    Raises:
        InputError: if it cannot be read, misses a column, names an id twice or outside 0..254, or a colour
            that is none; or if some classes have a group and some have none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The class table {path} cannot be read; give a CSV file in UTF-8.") from error
    first = text.partition("\n")[0]
    rows = csv.DictReader(text.splitlines(), delimiter=max(",;\t", key=first.count))
    if not {"id", "name"} <= set(rows.fieldnames or ()):
        raise InputError(f"The class table {path} needs the columns id and name, and perhaps group.")
    classes = tuple(_class_of(row, path) for row in rows)
    ids = [c.id for c in classes]
    if not ids or len(set(ids)) < len(ids):
        raise InputError(f"The class table {path} has {'no row' if not ids else 'an id twice'}; mend it.")
    if len({bool(c.group) for c in classes}) > 1:
        raise InputError(
            f"The class table {path} has classes without a group; give all of them one, or none."
        )
    return classes


def _class_of(row: Mapping[str, str | None], path: Path) -> MapClass:
    text, name = (row["id"] or "").strip(), (row["name"] or "").strip()
    if not (text.isascii() and text.isdecimal() and int(text) < NODATA_CLASS):
        raise InputError(f"The class table {path} has the id {text!r}; ids are whole numbers from 0 to 254.")
    if not name:
        raise InputError(f"The class table {path} has no name for class {text}; give it one.")
    color = (row.get("color") or "").strip().lower()
    if color and not re.fullmatch("#[0-9a-f]{6}", color):
        raise InputError(f"The class table {path} has the color {color!r}; write colours as #rrggbb.")
    return MapClass(int(text), name, (row.get("group") or "").strip(), color)


def named(ids: Sequence[int], classes: Sequence[MapClass], what: str) -> tuple[MapClass, ...]:
    """Return a class for each id; where no classes are known at all, named by its number.

    Raises:
        InputError: if classes are known, but one of the ids is not among them; `what` holds them.
    """
    known = {c.id: c for c in classes or [MapClass(i, f"class {i}") for i in ids]}
    unknown = [str(i) for i in ids if i not in known]
    if unknown:
        raise InputError(
            f"{what} holds the class {unknown[0]}, which is none of {', '.join(str(i) for i in known)}; give "
            "a class table that names it."
        )
    return tuple(known[i] for i in ids)


def class_key(value: Any) -> str:
    """Return what a table's cell says of a class, an id or a name, as one form; empty where it is missing."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().casefold()


def ids_by_key(classes: Sequence[MapClass]) -> dict[str, int]:
    """Return the id of each class under the keys of its name and its id; the id wins."""
    return {class_key(c.name): c.id for c in classes} | {class_key(c.id): c.id for c in classes}
