"""Where a folder of tiles goes: what may be replaced, and that it appears whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.base.errors import InputError, OutputError
from ...core.base.files import disk_errors
from ..data.cut import CONFIG, LABELS, MANIFEST, read_manifest
from ..splits import SPLITS
from .files import REPORT, STATISTICS


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Raise InputError unless the folder is free, or holds tiles and nothing else, and they may go.

    A model that was trained in the folder is never removed with its tiles.
    """
    if folder.is_file():
        raise InputError(f"{folder} is a file; choose a folder for the tiles.")
    inside = sorted(p.name for p in folder.iterdir() if p.name[0] != ".") if folder.is_dir() else []
    if not inside:
        return
    if MANIFEST not in inside:
        raise InputError(f"The folder {folder} holds {inside[0]}, which is no tile; choose an empty folder.")
    if not overwrite:
        raise InputError(f"The folder {folder} holds tiles already; choose another or allow overwriting.")
    roles = {source.role for source in read_manifest(folder).sources}
    ours = {MANIFEST, CONFIG, STATISTICS, REPORT, LABELS, *roles, *(f"{split}.csv" for split in SPLITS)}
    others = [name for name in inside if name not in ours]
    if others:
        raise InputError(
            f"The folder {folder} holds {others[0]} besides its tiles; move it away or choose another folder."
        )


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to write to, which takes the place of `target` when nothing went wrong."""
    part, old = (target.with_name(f".{target.name}.{word}") for word in ("part", "old"))
    with disk_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
    try:
        yield part
        _swap(part, target, old)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _swap(part: Path, target: Path, old: Path) -> None:
    try:
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            target.replace(old)
        part.replace(target)
    except OSError as error:
        if old.exists() and not target.exists():
            old.replace(target)
        raise OutputError(
            f"The folder {target} cannot be put in its place ({error.strerror or error}); close what uses it."
        ) from error
    shutil.rmtree(old, ignore_errors=True)
