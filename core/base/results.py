"""Results of jobs as plain data of JSON types, for the worker's protocol and the command line."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any


class JobResult:
    """Base of the data classes that jobs return."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name, as JSON knows them."""
        assert is_dataclass(self)
        return {f.name: as_plain(getattr(self, f.name)) for f in fields(self)}


def as_plain(value: Any) -> Any:
    """Return a value as JSON knows it: paths as text, tuples as lists, NaN (not known) as None."""
    if isinstance(value, JobResult):
        return value.as_json()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [as_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
