"""The finished runs of an experiment, a JSON file each: read back instead of made again as long as all that
they were made with is the same. What a run is lives with the experiment."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.files import make_folder, read_json, write_json
from ...core.base.progress import Reporter

Row = dict[str, Any]


def hash_of(settings: Any, *arrays: NDArray[Any]) -> str:
    """Return a hash of plain settings and of arrays."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Runner:
    """The finished runs in a folder."""

    folder: Path
    reporter: Reporter

    def finished(self, name: str, made_with: str) -> Row:
        """Return what a run of that name and hash left, nothing if there is none."""
        row: Row = read_json(self.folder / f"{name}.json") or {}
        kept = row.get("made_with", row.get("key"))  # studies of segmentation wrote `key` before
        return row if kept == made_with else {}

    def keep(self, name: str, made_with: str, row: Row) -> Row:
        """Write a run, and return what was written."""
        make_folder(self.folder)
        content = {"made_with": made_with, **row}
        write_json(self.folder / f"{name}.json", content)
        return content

    def run(self, name: str, made_with: str, make: Callable[[], Row]) -> Row:
        """Return a run as it was finished before, else make it now."""
        row = self.finished(name, made_with)
        if row:
            self.reporter.log(f"{name} is done already.")
        return row or self.keep(name, made_with, make())
