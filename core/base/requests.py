"""What the request of every job is made of: its base class, the types of its fields, and how a field declares
itself. A request is written down once, beside the function that does it; the command line, the worker and the
table that QGIS reads are made from it.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from .errors import InputError


class JobRequest(BaseModel):
    """Base of all requests: unknown parameters are errors, and values never change after the door.

    Raises:
        InputError: in one sentence that names the parameter, where a value cannot be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    #: Name of the job in sentences.
    job: ClassVar[str] = "this job"

    def __init__(self, /, **parameters: Any):
        try:
            super().__init__(**parameters)
        except ValidationError as error:
            raise InputError(_sentence(type(self), error.errors()[0])) from error

    def but(self, **changes: Any) -> Self:
        """Return this request with other values, checked like all."""
        return type(self)(**{**dict(self), **changes})


def option(
    help: str,
    default: Any = ...,
    *,
    metavar: str | None = None,
    flag: str | None = None,
    positional: bool = False,
    text: bool = False,
    choices: Sequence[str] = (),
    **bounds: Any,
) -> Any:
    """Return the field of a request.

    Args:
        help: one sentence for the command line and the documentation.
        default: value of a field that is left out; without one the field is required.
        metavar: what stands for the value in the help, such as FILE.
        flag: name of the option on the command line, where it is not that of the field.
        positional: an argument on the command line, without a name.
        text: one text on the command line for what is a list elsewhere.
        choices: names to choose from, where the type does not say so.
        bounds: `ge`, `gt`, `le`, `lt`, `min_length`.
    """
    extra: dict[str, Any] = {
        "metavar": metavar,
        "flag": flag,
        "positional": positional,
        "text": text,
        "choices": list(choices),
    }
    return Field(default, description=help, json_schema_extra={k: v for k, v in extra.items() if v}, **bounds)


def _sentence(request: type[JobRequest], fault: ErrorDetails) -> str:
    """Return one sentence that names the parameter, for the first fault that the check found."""
    job = request.job
    where = [str(part) for part in fault["loc"]]
    if not where:
        return f"'{job}' cannot run like this: {fault['msg'].removeprefix('Value error, ')}."
    parameter, inner = where[0], ".".join(where[1:])
    if fault["type"] == "extra_forbidden":
        takes = ", ".join(request.model_fields) or "none"
        return f"'{job}' has no parameter '{parameter}': it takes {takes}."
    if fault["type"] == "missing":
        return f"'{job}' needs the parameter '{parameter}'."
    at = f" ({inner})" if inner else ""
    given = textwrap.shorten(repr(fault["input"]), 60, placeholder="...")
    message = fault["msg"].removeprefix("Value error, ").replace("Input", "it")
    return f"The parameter '{parameter}'{at} of '{job}' cannot be {given}: {message}."


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


def _as_names(value: object) -> object:
    """A text `forest, glacier` stands for a list; so do ids, which are numbers."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return () if parts is None else parts
    if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
        return parts
    return [name for part in parts if (name := str(part).strip())]


def _as_lines(value: object) -> object:
    """A text stands for its lines, without the empty ones and remarks."""
    if not isinstance(value, str):
        return () if value is None else value
    lines = [line.partition("#")[0].strip() for line in value.splitlines()]
    return [line for line in lines if line]


def blank_is(default: str | None) -> BeforeValidator:
    """A text that was left blank, or None, is the usual one; a path is a text."""

    def validate(value: object) -> object:
        text = str(value) if isinstance(value, Path) else value
        return default if text is None or (isinstance(text, str) and not text.strip()) else text

    return BeforeValidator(validate)


Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_list)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_names)]
Lines = Annotated[tuple[str, ...], BeforeValidator(_as_lines)]
OptionalText = Annotated[str | None, blank_is(None)]
OptionalPath = Annotated[Path | None, blank_is(None)]
#: What is written gets an absolute path, so that records and results hold wherever they are read.
OutputPath = Annotated[Path, AfterValidator(Path.absolute)]
OptionalOutput = Annotated[OutputPath | None, blank_is(None)]
#: A mapping, or options of the form `name=file`.
SourceMap = Annotated[dict[str, Paths], BeforeValidator(as_mapping)]
ModelName = Annotated[str, blank_is("demo")]
ScreenName = Annotated[str, blank_is("screen")]
ClassField = Annotated[str, blank_is("class")]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Engine = Literal["auto", "openvino", "torch"]
