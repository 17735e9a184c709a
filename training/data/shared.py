"""Where the real data of experiments lie: beside the checkout, never in it."""

import os
from pathlib import Path

from ...core.base.errors import InputError

VARIABLE = "MCE_SHARED_DATA"


def shared_data() -> Path:
    """Return the folder of shared data: the environment's `MCE_SHARED_DATA`, or `../shared/data`."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get(VARIABLE, beside))


def find_data(path: Path) -> Path:
    """Return `path` as it is if absolute, else inside the folder of shared data.

    Raises:
        InputError: if nothing is there.
    """
    found = shared_data() / path
    if not found.exists():
        raise InputError(f"There are no data at {found}; set {VARIABLE} to the folder that holds {path}.")
    return found
