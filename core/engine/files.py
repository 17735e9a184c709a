"""Writing that is all or nothing: temporary names, renames, and disk errors as sentences."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import OutputError


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the operating system into OutputError with the folder's name."""
    try:
        yield
    except OSError as error:
        raise disk_error(folder, error) from error


def disk_error(folder: Path, error: OSError) -> OutputError:
    """Return the sentence for a disk that does not take what is written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"The disk of {folder} is full; free some space and run the same command again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"The folder {folder} cannot be written to; choose another output or change its rights."
        )
    return OutputError(
        f"Writing to {folder} failed ({error.strerror or error}); check the disk and try again."
    )


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file under a temporary name and rename it, so that a kill never leaves half of it.

    `durable` waits for the disk too, for what must survive a loss of power.

    Raises:
        OutputError: if the disk does not take it; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.part")
    with disk_errors(path.parent):
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write a value as indented JSON, whole or not at all."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, text.encode("utf-8"), durable=durable)


def read_json(path: Path) -> Any:
    """Return the value of a JSON file, None if there is none or it is not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def require_writable(folder: Path) -> None:
    """Raise OutputError unless a file can be made in the folder, or in the nearest parent that exists."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    probe = existing / f".mce-probe-{os.getpid()}"
    with disk_errors(folder):
        try:
            probe.touch()
        finally:
            probe.unlink(missing_ok=True)
