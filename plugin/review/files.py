"""Writes results whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..i18n import tr
from .records import ReviewError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary file in the same folder, and put it in the place of `path` when it is done.

    Raises ReviewError where the disk or the folder does not take it; nothing is left then.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        try:
            yield part
            part.replace(path)
        finally:
            _remove(part)
    except OSError as error:
        raise ReviewError(
            tr("{} cannot be written ({}): check its folder's rights and space.").format(
                path, error.strerror or error
            )
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8; raise ReviewError."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="")


def _remove(part: Path) -> None:
    """Remove a half-written file and what SQLite may have put beside it."""
    for end in ("", "-journal", "-wal", "-shm"):
        part.with_name(part.name + end).unlink(missing_ok=True)
