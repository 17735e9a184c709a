"""What may be written where, and writing that is all or nothing: temporary names, renames, and disk errors as
sentences."""

import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from .errors import InputError, OutputError


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, and how the names of such files may end, the usual ending first."""

    name: str
    suffixes: tuple[str, ...]


GEOTIFF = Kind("GeoTIFF", (".tif", ".tiff"))
GEOPACKAGE = Kind("GeoPackage", (".gpkg",))


def claim(
    path: Path,
    kind: Kind,
    *,
    overwrite: bool,
    beside: Sequence[Path] = (),
    check_old: Callable[[Path], None] | None = None,
) -> None:
    """Make sure that a file may be written, and make its folder.

    Args:
        beside: files that are written with it and must be free, too.
        check_old: raises InputError if the file that is there must not even be overwritten.

    Raises:
        InputError: if the name is of another kind or a folder's, or there is a file that is to stay.
        OutputError: if the folder cannot be written to.
    """
    if path.suffix.lower() not in kind.suffixes:
        raise InputError(f"The output {path} must be a {kind.name}: let its name end in {kind.suffixes[0]}.")
    if path.is_dir():
        raise InputError(f"The output {path} is a folder; give the name of a {kind.name}.")
    refuse_existing((path, *beside), overwrite=overwrite)
    if check_old is not None and path.exists():
        check_old(path)
    make_folder(path.parent)


def refuse_existing(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Raise InputError if one of the files is there and must not be overwritten."""
    taken = next((path for path in paths if path.exists()), None)
    if taken is not None and not overwrite:
        raise InputError(f"{taken} is already there; choose another output, or overwrite it.")


def make_folder(folder: Path) -> None:
    """Make a folder, and those it lies in; raise OutputError unless a file can be made in it."""
    require_writable(folder)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)


def part_of(path: Path) -> Path:
    """Return the hidden temporary file beside a file that is written whole or not at all."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it when the block ends, remove it when it fails.

    A kill thus leaves the old file or the new one, never half of one.

    Raises:
        OutputError: if the disk does not take it; nothing is left behind.
    """
    part = part_of(path)
    with disk_errors(path.parent):
        try:
            yield part
            part.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):  # the folder itself may be what is wrong
                part.unlink()
            raise


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
    with written_whole(path) as part, part.open("wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())


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
