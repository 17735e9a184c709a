"""The work folder of a run: chunks of rows written one by one, what is done of them, and going on after a
stop. What becomes of them in the end is in `publish.py`.
"""

import hashlib
import json
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Any, Self

import numpy as np
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from ..base.errors import InputError, MceError, OutputError
from ..base.files import FolderLock, disk_errors, read_json, write_json, write_whole
from ..geodata.cog import CHUNK_PROFILE
from .memory import give_back_freed_memory
from .pipeline import MapRows
from .plan import Chunk
from .products import Product, pixels_of

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


#: Pixels stored between two returns of freed memory, which cost some ten milliseconds each.
_TRIM_PX = 1 << 20


class ChunkWriter:
    """Takes rows of one run of chunks, from top to bottom.

    A context: leaving it waits until all are stored, or stops at once if there was an error. An error in the
    thread is raised by the next call.
    """

    def __init__(self, store: RunStore, products: Sequence[Product], chunks: Sequence[Chunk]):
        self._store = store
        self._products = products
        self._chunks = list(chunks)
        self._gathered: list[MapRows] = []
        self._stored_px = 0
        self._queue: Queue[MapRows | None] = Queue(maxsize=1)
        self._error: BaseException | None = None
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._work, name="write", daemon=True)
        self._thread.start()

    def put(self, rows: MapRows) -> None:
        """Take finished rows; waits while the disk is behind."""
        self._send(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abandoned.set()
            self._thread.join()
            return
        self._send(None)
        self._thread.join()
        self._raise()

    def _send(self, item: MapRows | None) -> None:
        while True:
            self._raise()
            try:
                return self._queue.put(item, timeout=0.2)
            except Full:
                continue

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while not self._abandoned.is_set():
                try:
                    rows = self._queue.get(timeout=0.2)
                except Empty:  # look whether the run was abandoned
                    continue
                if rows is None:
                    return
                self._gathered.append(rows)
                self._store_complete()
        except BaseException as error:  # whatever it is, it belongs to the thread that hands rows over
            self._error = error

    def _store_complete(self) -> None:
        """Store the first chunk if all of its rows are there, and keep the rows below it."""
        last = self._gathered[-1]
        bottom = last.row0 + last.valid.shape[0]
        while self._chunks and self._chunks[0].region.row1 <= bottom:
            chunk = self._chunks.pop(0)
            pieces = [cut(rows, chunk.region.row0, chunk.region.row1) for rows in self._gathered]
            pixels = {
                product.id: np.concatenate([pixels_of(product.id, piece) for piece in pieces], axis=1)
                for product in self._products
            }
            n_valid = sum(int(piece.valid.sum()) for piece in pieces)
            self._store.write(chunk, pixels, n_valid)
            rest = [cut(rows, chunk.region.row1, bottom) for rows in self._gathered]
            self._gathered = [rows for rows in rest if rows.valid.shape[0]]
            self._stored_px += chunk.region.size
            if self._stored_px >= _TRIM_PX:
                self._stored_px = 0
                give_back_freed_memory()


def cut(rows: MapRows, row0: int, row1: int) -> MapRows:
    """Return what of the rows lies in `row0 <= row < row1`; perhaps none."""
    first = max(row0 - rows.row0, 0)
    last = max(min(row1 - rows.row0, rows.valid.shape[0]), first)
    part = slice(first, last)
    return MapRows(
        rows.row0 + first,
        rows.classes[:, part],
        rows.evidence[:, part],
        rows.logits[:, part],
        rows.valid[part],
    )
