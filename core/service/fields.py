"""What requests are made of: their base class and the types of their fields, which put what QGIS and the
command line send into one form. The requests themselves stand beside the functions that do them.
"""

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

#: What a job returns: plain data of JSON types.
Value = dict[str, Any]


def _as_list(value: object) -> object:
    """One path stands for a list of one; an empty text (a field left blank in QGIS) for none."""
    if isinstance(value, str | Path):
        return [value] if str(value).strip() else []
    return [] if value is None else value


def as_mapping(value: object) -> object:
    """A list of `name=file` texts (command-line options) stands for a mapping; a name may come again."""
    if value is None:
        return {}
    if not isinstance(value, list | tuple):
        return value
    mapping: dict[str, list[str]] = {}
    for text in value:
        name, separator, path = str(text).partition("=")
        if not (name and separator and path):
            raise ValueError(f"'{text}' is not of the form NAME=FILE")
        mapping.setdefault(name, []).append(path)
    return mapping


def as_path(value: object) -> object:
    """The one path of a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _as_names(value: object) -> object:
    """A text `forest, glacier` stands for a list; so do ids, which are numbers."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return () if parts is None else parts
    if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
        return parts
    return [name for part in parts if (name := str(part).strip())]


Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_list)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_names)]
OptionalText = Annotated[str | None, BeforeValidator(_blank_is_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(_blank_is_none)]
#: What is written gets an absolute path, so that records and results hold wherever they are read.
OutputPath = Annotated[Path, AfterValidator(Path.absolute)]
OptionalOutput = Annotated[OutputPath | None, BeforeValidator(_blank_is_none)]
#: A mapping, or options of the form `name=file`.
SourceMap = Annotated[dict[str, Paths], BeforeValidator(as_mapping)]
ModelName = Annotated[str, BeforeValidator(lambda value: "demo" if value in (None, "") else value)]


def known(measure: float) -> float | None:
    """Return a measure of a result, None for NaN, which JSON does not have."""
    return None if math.isnan(measure) else measure


class JobRequest(BaseModel):
    """Base of all requests: unknown parameters are errors, values never change after the door."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
