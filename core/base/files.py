"""Writing that is all or nothing: temporary names, renames, and disk errors as sentences."""

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from .errors import InputError, OutputError


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


class FolderLock:
    """Held from creation to `release` or the end of the process, however it ends.

    Raises:
        InputError: if another run holds it.
    """

    def __init__(self, path: Path):
        self._file = path.open("a+b")
        try:
            _lock(self._file.fileno())
        except OSError as error:
            self._file.close()
            raise InputError(
                f"Another run is writing to {path.parent.parent}; wait for it or choose another folder."
            ) from error

    def release(self) -> None:
        """Let others have the folder; further calls do nothing."""
        self._file.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _extents(file: rasterio.DatasetReader) -> Iterator[tuple[int, int]]:
    """Yield where each tile of a file ends, and its size; both 0 for a tile that was never written."""
    bands = file.indexes if file.interleaving and file.interleaving.value.lower() == "band" else (1,)
    for band in bands:
        for (row, col), _ in file.block_windows(band):
            offset = file.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", band)
            size = file.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", band)
            yield (int(offset) + int(size), int(size)) if offset and size else (0, 0)


def check_whole(path: Path) -> None:
    """Raise OutputError unless every tile of a closed GeoTIFF lies within the file; reads no pixels.

    Not for files made with SPARSE_OK, whose missing tiles are meant.
    """
    length = path.stat().st_size
    message = f"{path.name.removesuffix('.partial')} was not written whole: check the free space of the disk."
    try:
        with rasterio.open(path) as file:
            whole = all(size > 0 and end <= length for end, size in _extents(file))
    except RasterioError as error:
        raise OutputError(message) from error
    if not whole:
        raise OutputError(message)
