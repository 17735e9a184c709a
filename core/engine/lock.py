"""A lock on a folder that dies with its process, so that two runs never write into one folder."""

import sys
from pathlib import Path

from ..errors import InputError


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
