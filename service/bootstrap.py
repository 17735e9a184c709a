"""Starts the worker from the files of this package, whatever its folder is called, installed or not.

Run as `python -I .../service/bootstrap.py`. Standard library only until the package is registered; the
work itself is in `worker.py`.
"""

import importlib.util
import sys
from pathlib import Path

PACKAGE = "mce_landcover"


def register(root: Path) -> None:
    """Make the folder `root` importable as `mce_landcover`, before any installed copy of that name."""
    spec = importlib.util.spec_from_file_location(
        PACKAGE, root / "__init__.py", submodule_search_locations=[str(root)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{root} is not a Python package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


# Outside the guard below: a process that multiprocessing spawns runs this file again under another name, and
# must find the package too.
register(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    from mce_landcover.service.worker import main

    sys.exit(main())
