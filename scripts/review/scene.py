"""Makes the candidates that the scripted reviews work on. Standard library only."""

import shutil
import subprocess
import sys
from pathlib import Path


def make_candidates(folder: Path) -> Path:
    """Map the embedded scene and flag it, unless that is done; return the fresh candidates."""
    run = folder / "run"
    master = run / "candidates.gpkg"
    if not master.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _backend("make-scene", folder / "scene", "--size", "1000", "--seed", "7", "--overwrite")
        image, dem = folder / "scene/image.tif", folder / "scene/dem.tif"
        _backend("predict", "--image", image, "--dem", dem, "--output", run, "--overwrite")
        _backend("flag-candidates", run)
    return master


def fresh_copy(master: Path, name: str) -> Path:
    """Copy candidates beside their run, without what was decided before."""
    copy = master.with_name(name)
    for end in ("", "-journal", "-wal", "-shm"):
        Path(f"{copy}{end}").unlink(missing_ok=True)
    shutil.copyfile(master, copy)
    return copy


def _backend(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "mce_landcover.service.cli", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
