"""The messages between the QGIS plugin and the backend process. Standard library only.

One JSON request on stdin, then JSON lines on stdout: any number of `progress` and `log`, ended by exactly one
`result` or `error`. stderr is for diagnostics. Lines are pure ASCII, so that no code page, line separator or
undecodable file name can break them.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Union

PROTOCOL_VERSION = 1
#: What the backend needs; this module and the plugin run on Python 3.9, which QGIS brings on macOS.
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Request:
    """Asks the worker for one job; `parameters` are validated by the job itself."""

    job: str
    parameters: dict[str, Any] = field(default_factory=dict)
    protocol: int = PROTOCOL_VERSION


@dataclass(frozen=True)
class Progress:
    """`percent` is 0..100; `message` says where the work stands."""

    percent: float
    message: str = ""


@dataclass(frozen=True)
class Log:
    """One sentence for the user."""

    message: str


@dataclass(frozen=True)
class Result:
    """The job is done; `value` is what it returns."""

    value: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """The job failed; `kind` is the error's class name, `exit_code` what the worker exits with."""

    kind: str
    message: str
    exit_code: int = 1


# Not `|`, which Python 3.9 evaluates here.
Message = Union[Progress, Log, Result, Failure]
_TYPES: dict[str, type[Message]] = {"progress": Progress, "log": Log, "result": Result, "error": Failure}
_NAMES = {cls: name for name, cls in _TYPES.items()}


def encode(message: Message) -> str:
    """Return the message as one line of JSON, without the line end."""
    return json.dumps({"type": _NAMES[type(message)], **asdict(message)})


def decode(line: str) -> Message:
    """Return the message of one line; raise ValueError if it is not one."""
    try:
        fields = json.loads(line)
        return _TYPES[fields.pop("type")](**fields)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a protocol message: {line[:200]!r}") from error


def encode_request(request: Request) -> str:
    """Return the request as one line of JSON, without the line end."""
    return json.dumps(asdict(request))


def decode_request(line: str) -> Request:
    """Return the request of one line; raise ValueError if it is not one or speaks another protocol."""
    try:
        request = Request(**json.loads(line))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError("not a request") from error
    if not (isinstance(request.job, str) and isinstance(request.parameters, dict)):
        raise ValueError("a request has a job's name and a mapping of parameters")
    if request.protocol != PROTOCOL_VERSION:
        raise ValueError(f"protocol {request.protocol} asked for, {PROTOCOL_VERSION} spoken here")
    return request
