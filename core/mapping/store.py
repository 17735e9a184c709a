"""The work folder of a run: finished chunks, what they were made with, and what is still missing after a
kill.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from ..base.errors import InputError, MceError, OutputError
from ..base.files import FolderLock, disk_errors, read_json, write_json, write_whole
from ..geodata.cog import CHUNK_PROFILE
from .plan import Chunk
from .products import Product

WORK_FOLDER = ".mce-run"
RUN_FILE = "run.json"


class RunStore:
    """Opens the work folder in `output`, goes on where an equal run stopped, and clears up behind a failed
    one.

    As a context manager: leaving it with an error removes what this run created if the error is the input's
    fault or nothing was finished; otherwise the finished chunks stay for the next try. `finish` removes the
    folder.
    """

    def __init__(
        self, output: Path, fingerprint: dict[str, Any], products: Sequence[Product], *, overwrite: bool
    ):
        self.output = output
        self.folder = output / WORK_FOLDER
        self._products = products
        self._created = _missing_parents(output)
        with disk_errors(output):
            output.mkdir(parents=True, exist_ok=True)
            is_new = not self.folder.exists()
            try:
                self.folder.mkdir(exist_ok=True)
            except OSError:
                self._remove_created()
                raise
        try:
            self._lock = FolderLock(self.folder / "lock")
            self._open(fingerprint, overwrite)
        except MceError:
            if is_new:
                self._remove_created()
            raise

    def _open(self, fingerprint: dict[str, Any], overwrite: bool) -> None:
        marker = self.folder / "fingerprint.json"
        digest = digest_of(fingerprint)
        found = read_json(marker)
        if found is None:
            self._clear()
        elif found.get("digest") != digest:
            if not overwrite:
                self._lock.release()
                raise InputError(
                    f"{self.output} holds an unfinished run with other settings or inputs; repeat "
                    "that command to "
                    "finish it, choose another folder, or overwrite it."
                )
            self._clear()
        self.resumed = bool(self.done())
        write_json(marker, {"digest": digest, **fingerprint}, durable=False)

    def _clear(self) -> None:
        """Remove everything but the lock."""
        with disk_errors(self.output):
            for path in self.folder.iterdir():
                if path.name != "lock":
                    path.unlink()

    def done(self) -> set[str]:
        """Return the keys of chunks whose files are all there and whole."""
        return {path.stem for path in self.folder.glob("*.done") if self._is_whole(path)}

    def _is_whole(self, marker: Path) -> bool:
        sizes = (read_json(marker) or {}).get("bytes", {})
        if set(sizes) != {product.id for product in self._products}:
            return False
        paths = {id_: self._file(marker.stem, id_) for id_ in sizes}
        return all(path.exists() and path.stat().st_size == sizes[id_] for id_, path in paths.items())

    def n_valid(self) -> int:
        """Return the number of valid pixels in the finished chunks."""
        return sum(read_json(self.folder / f"{key}.done")["valid"] for key in self.done())

    def write(self, chunk: Chunk, pixels: dict[str, Any], n_valid: int) -> None:
        """Store a finished chunk: `pixels[product id]` is `[bands, rows, width]`.

        Raises:
            OutputError: if the disk does not take it.
        """
        sizes = {}
        for product in self._products:
            content = _encode(pixels[product.id], product)
            write_whole(self._file(chunk.key, product.id), content, durable=False)
            sizes[product.id] = len(content)
        write_json(self.folder / f"{chunk.key}.done", {"valid": n_valid, "bytes": sizes}, durable=False)

    def chunk_file(self, chunk: Chunk, product: Product) -> Path:
        """Return where a product's part of a chunk is."""
        return self._file(chunk.key, product.id)

    def overview_file(self, product: Product, factor: int) -> Path:
        """Return where a product's copy that is `factor` times smaller belongs."""
        return self._file(f"overview_{factor}", product.id)

    def _file(self, key: str, product_id: str) -> Path:
        return self.folder / f"{key}.{product_id}.tif"

    def finish(self) -> None:
        """Remove the work folder: the results are whole."""
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            return
        useless = issubclass(kind, InputError) or not self.done()
        self._lock.release()
        if useless:
            self._remove_created()

    def _remove_created(self) -> None:
        """Remove the work folder, and the output folder too if it was made for this run and is empty."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in self._created:
            try:
                folder.rmdir()
            except OSError:  # not empty, or never made
                return


def require_unfinished(output: Path, targets: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse to write over results, unless told to.

    Raises:
        InputError: if the folder holds a finished run, or a result file is there that no unfinished run
        explains.
        OutputError: if the output is a file.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"The output {output} is a file; give a folder.")
    if overwrite:
        return
    if (output / RUN_FILE).exists():
        raise InputError(f"{output} already holds a finished run; choose another folder or overwrite it.")
    if not (output / WORK_FOLDER).exists():
        for target in targets:
            if target.exists():
                raise InputError(f"{target} exists already; choose another output or overwrite it.")


def digest_of(fingerprint: dict[str, Any]) -> str:
    """Return the SHA-256 of a JSON value."""
    text = json.dumps(fingerprint, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _missing_parents(folder: Path) -> list[Path]:
    """Return the folders that making `folder` will make, the innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _encode(pixels: Any, product: Product) -> bytes:
    """Return a small GeoTIFF as bytes, so that it meets the disk in one piece."""
    count, height, width = pixels.shape
    try:
        with MemoryFile() as memory:
            with memory.open(
                width=width,
                height=height,
                count=count,
                dtype=product.dtype,
                nodata=product.nodata,
                **CHUNK_PROFILE,
            ) as dataset:
                dataset.write(pixels)
            return bytes(memory.getbuffer())
    except RasterioError as error:
        raise OutputError(f"A piece of {product.id} could not be encoded ({error}).") from error
