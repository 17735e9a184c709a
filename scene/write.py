"""Writes a whole synthetic scene as GeoTIFFs, block by block, in memory that does not grow with its size."""

import os
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from ..core.base.errors import InputError, OutputError
from ..core.base.files import check_whole
from ..core.base.progress import SILENT, Reporter
from ..core.base.results import JobResult
from ..core.model.classes import NODATA_CLASS, load_catalogue
from .block import IMAGE_PER_PX, Block, render_block
from .noise import Window
from .requests import SceneRequest
from .terrain import PIXEL_M

#: Changes when the same seed gives another landscape.
LANDSCAPE_VERSION = 1
#: LV95 coordinates (EPSG:2056) of the upper-left corner of every scene.
CORNER_E, CORNER_N = 2_600_000.0, 1_200_000.0
MAX_SIZE_M = 100_000
#: DEM cells along a block: a multiple of the files' tiles, so that every tile is written once.
BLOCK_PX = 512
_TILE = 512
_CACHE_MB = 64
_MAX_WORKERS = 4
# Measured: about 33 bytes per square metre for the three files; a little more is asked for.
_BYTES_PER_M2 = 40
_NAMES = ("image", "dem", "labels")
_NOTICE = (
    "SYNTHETIC scene computed by MCE Land Cover, not a real place: seed {seed}, landscape version {version}."
)


@dataclass(frozen=True)
class SceneFiles(JobResult):
    """The files of a scene: RGB image of 0.25 m, DEM and labels of 0.5 m."""

    image: Path
    dem: Path
    labels: Path


def _check(size_m: float, seed: int) -> int:
    """Return the side in DEM cells; raise InputError where no such scene can be made."""
    if not (1 <= size_m <= MAX_SIZE_M and float(size_m).is_integer()):
        message = f"The scene's size must be a whole number of metres from 1 to {MAX_SIZE_M:,}, not {size_m}."
        raise InputError(message)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 63:
        raise InputError(f"The scene's seed must be a whole number of at least 0 and below 2^63, not {seed}.")
    return int(size_m / PIXEL_M)


def _refuse_existing(paths: list[Path], overwrite: bool) -> None:
    existing = [p for p in paths if p.exists()]
    if existing and not overwrite:
        raise InputError(f"{existing[0]} exists already: choose another folder or allow overwriting.")


def _prepare(output: Path, size_m: float) -> None:
    """Make the folder; raise OutputError where it cannot be made or written to, or is too small."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(output).free
    except OSError as error:
        message = f"The folder {output} cannot be made ({error.strerror}): choose another."
        raise OutputError(message) from error
    if not os.access(output, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {output} is read-only: choose another.")
    needed = size_m * size_m * _BYTES_PER_M2
    if free < needed:
        sizes = f"needs about {needed / 1e6:,.0f} MB but {output} has {free / 1e6:,.0f} MB free"
        raise OutputError(f"The scene {sizes}: choose a smaller size or another folder.")


def _clear(output: Path, partial: list[Path], is_new: bool) -> None:
    """Remove what an unfinished run leaves: partial files, and the folder if it was made for nothing."""
    for temporary in partial:
        temporary.unlink(missing_ok=True)
    if is_new and not any(output.iterdir()):
        output.rmdir()


def _profiles(n_px: int) -> tuple[dict[str, Any], ...]:
    """Return the creation options of image, DEM and labels."""
    common = {"driver": "GTiff", "crs": "EPSG:2056", "tiled": True, "blockxsize": _TILE, "blockysize": _TILE,
              "compress": "deflate", "zlevel": 6, "bigtiff": "if_safer"}  # fmt: skip

    def grid(count: int, dtype: str, per_px: int) -> dict[str, Any]:
        side = n_px * per_px
        pixel = PIXEL_M / per_px
        place = {"width": side, "height": side, "transform": Affine(pixel, 0, CORNER_E, 0, -pixel, CORNER_N)}
        return {**common, **place, "count": count, "dtype": dtype}

    image = grid(3, "uint8", IMAGE_PER_PX) | {"photometric": "rgb", "interleave": "pixel", "predictor": 2}
    dem = grid(1, "float32", 1) | {"predictor": 3}
    labels = grid(1, "uint8", 1) | {"predictor": 1, "nodata": NODATA_CLASS}
    return image, dem, labels


def _describe(image: Any, dem: Any, labels: Any, seed: int) -> None:
    """Say in the files what they are: bands, units, palette, and that no such place exists."""
    classes = load_catalogue()
    image.descriptions = ("red", "green", "blue")
    dem.descriptions = ("height of the ground",)
    dem.units = ("metre",)
    labels.descriptions = ("land cover class",)
    names = {"CLASS_0": "background (unlabelled)"} | {f"CLASS_{c.id}": c.name for c in classes}
    labels.update_tags(1, **names)
    labels.write_colormap(
        1, {0: (0, 0, 0, 255), NODATA_CLASS: (0, 0, 0, 255)} | {c.id: (*c.rgb, 255) for c in classes}
    )
    notice = _NOTICE.format(seed=seed, version=LANDSCAPE_VERSION)
    for file in (image, dem, labels):
        file.update_tags(SYNTHETIC="YES", SCENE_SEED=str(seed), LANDSCAPE_VERSION=str(LANDSCAPE_VERSION))
        file.update_tags(TIFFTAG_IMAGEDESCRIPTION=notice, TIFFTAG_SOFTWARE="MCE Land Cover")


def _windows(n_px: int) -> Iterator[Window]:
    for row in range(0, n_px, BLOCK_PX):
        for col in range(0, n_px, BLOCK_PX):
            yield Window(row, col, min(BLOCK_PX, n_px - row), min(BLOCK_PX, n_px - col))


def _rendered(seed: int, n_px: int) -> Iterator[tuple[Window, Block]]:
    """Yield every block in reading order, rendered ahead by a few threads and no further."""
    n_workers = min(_MAX_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(n_workers) as pool:
        ahead: deque[tuple[Window, Future[Block]]] = deque()
        try:
            for w in _windows(n_px):
                ahead.append((w, pool.submit(render_block, seed, w.row0, w.col0, w.rows, w.cols)))
                if len(ahead) > n_workers:
                    done, block = ahead.popleft()
                    yield done, block.result()
            while ahead:
                done, block = ahead.popleft()
                yield done, block.result()
        finally:
            for _, block in ahead:
                block.cancel()


def _write(paths: list[Path], seed: int, n_px: int, reporter: Reporter) -> None:
    total = (-(-n_px // BLOCK_PX)) ** 2
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=_CACHE_MB))
        profiles = zip(paths, _profiles(n_px), strict=True)
        image, dem, labels = (
            stack.enter_context(rasterio.open(p, "w", **profile)) for p, profile in profiles
        )
        _describe(image, dem, labels, seed)
        blocks = _rendered(seed, n_px)
        stack.callback(blocks.close)  # type: ignore[attr-defined]
        for done, (w, block) in enumerate(blocks, start=1):
            fine = w.finer(IMAGE_PER_PX)
            image.write(block.image, window=RasterWindow(fine.col0, fine.row0, fine.cols, fine.rows))
            place = RasterWindow(w.col0, w.row0, w.cols, w.rows)
            dem.write(block.dem, 1, window=place)
            labels.write(block.labels, 1, window=place)
            reporter.progress(done, total, "blocks")


def make_requested_scene(request: SceneRequest, reporter: Reporter = SILENT) -> SceneFiles:
    """Write the scene that was asked for; see `make_scene`."""
    asked = request.model_dump(exclude={"output", "size"})
    return make_scene(request.output, size_m=request.size, reporter=reporter, **asked)


def make_scene(
    output: Path,
    *,
    size_m: float = 1000,
    seed: int = 7,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> SceneFiles:
    """Write `image.tif`, `dem.tif` and `labels.tif` of a synthetic alpine scene of `size_m` metres a side.

    The scene is the upper-left part of every larger scene of the same seed; its corner is CORNER_E, CORNER_N
    in LV95. Files appear only when all three are whole. Raises InputError for a bad size or seed or for files
    in the way, OutputError where nothing can be written, and Cancelled through the reporter (then nothing is
    left behind).
    """
    output = Path(output)
    n_px = _check(size_m, seed)
    files = SceneFiles(*(output / f"{name}.tif" for name in _NAMES))
    final = [files.image, files.dem, files.labels]
    partial = [p.with_suffix(".tif.partial") for p in final]
    is_new = not output.exists()
    _refuse_existing(final, overwrite)
    try:
        _prepare(output, size_m)
        reporter.log(
            f"Making a synthetic alpine scene of {size_m:g} m a side, seed {seed}: it is no real place."
        )
        _write(partial, seed, n_px, reporter)
        for temporary in partial:
            check_whole(temporary)
        for temporary, path in zip(partial, final, strict=True):
            temporary.replace(path)
    except (RasterioError, OSError) as error:
        message = f"The scene cannot be written to {output}: check its rights and the free space."
        raise OutputError(message) from error
    finally:
        if output.is_dir():
            _clear(output, partial, is_new)
    return files
