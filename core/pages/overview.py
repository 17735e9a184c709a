"""One picture of a run for people: image, relief, map, each expert, and a legend with pixel shares.

Large rasters become small pictures on one coarse grid, read from overviews where there are any: memory is
bounded by the picture, not by the raster.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from ..base.errors import InputError
from ..base.files import make_folder, written_whole
from ..base.progress import Reporter
from ..base.results import JobResult
from ..mapping.record import read_record
from ..mapping.requests import OverviewRequest
from ..model.classes import NODATA_CLASS, LandCoverClass

Rgb = NDArray[np.uint8]
#: Direction of the light of `hillshade`, degrees clockwise from north and above the horizon.
AZIMUTH, ALTITUDE = 315.0, 45.0


@dataclass(frozen=True)
class Frame:
    """A coarse grid: `shape` rows and columns, `transform` to the coordinates of `crs`."""

    crs: str
    transform: Affine
    shape: tuple[int, int]

    @property
    def pixel_m(self) -> float:
        """Side of a pixel in the units of the CRS."""
        return float(self.transform.a)


def frame_of(raster: Path, max_width: int, max_height: int) -> Frame:
    """Return the largest grid over a raster's extent, square pixels kept, that fits the given size."""
    with open_raster(raster) as dataset:
        scale = max(dataset.width / max_width, dataset.height / max_height)
        rows, cols = max(1, round(dataset.height / scale)), max(1, round(dataset.width / scale))
        transform = dataset.transform @ Affine.scale(dataset.width / cols, dataset.height / rows)
        return Frame(dataset.crs.to_wkt(), transform, (rows, cols))


def open_raster(path: Path, level: int | None = None) -> DatasetReader:
    """Open a raster, or one of its overview levels; raise InputError with a sentence where that fails."""
    try:
        return rasterio.open(path) if level is None else rasterio.open(path, overview_level=level)
    except rasterio.errors.RasterioIOError as error:
        raise InputError(f"The raster {path} cannot be read: check that it is there and complete.") from error


def count_bands(path: Path) -> int:
    """Return the number of bands of a raster."""
    with open_raster(path) as dataset:
        return int(dataset.count)


def read_bands(
    paths: Sequence[Path], bands: Sequence[int], frame: Frame
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mosaic of some bands on the frame: values `[bands, rows, cols]`, valid `[rows, cols]`.

    Bands count from 1. Where tiles overlap, the first one wins.
    """
    values = np.zeros((len(bands), *frame.shape), np.float32)
    valid = np.zeros(frame.shape, bool)
    for path in paths:
        with open_raster(path, _coarse_level(path, frame)) as dataset, _warped(dataset, frame) as vrt:
            mask = (vrt.read_masks(bands[0]) > 0) & ~valid
            values[:, mask] = vrt.read(list(bands), out_dtype=np.float32)[:, mask]
            valid |= mask
    valid &= np.isfinite(values).all(axis=0)
    return values, valid


def _warped(dataset: DatasetReader, frame: Frame) -> WarpedVRT:
    masked = dataset.nodata is not None or ColorInterp.alpha in dataset.colorinterp
    rows, cols = frame.shape
    with WarpedVRT(dataset, crs=frame.crs) as vrt:
        is_shrunk = frame.pixel_m >= vrt.res[0]
    return WarpedVRT(
        dataset,
        crs=frame.crs,
        transform=frame.transform,
        width=cols,
        height=rows,
        # Averaging would give steps where a picture is enlarged, and a relief shows them.
        resampling=Resampling.average if is_shrunk else Resampling.cubic,
        add_alpha=not masked,  # else what lies outside the tile would be black, not missing
    )


def _coarse_level(path: Path, frame: Frame) -> int | None:
    """Return the index of the coarsest overview that is still at least as fine as the frame."""
    with open_raster(path) as dataset, WarpedVRT(dataset, crs=frame.crs) as vrt:
        shrink = frame.pixel_m / vrt.res[0]
        fitting = [i for i, factor in enumerate(dataset.overviews(1)) if factor <= shrink]
    return fitting[-1] if fitting else None


def read_picture(paths: Sequence[Path], frame: Frame) -> Rgb:
    """Return the first three bands (or the first, as grey) as 8-bit colours `[rows, cols, 3]`, missing white.

    8-bit data is shown as it is; other types are stretched between the 2 % and 98 % points of each band.
    """
    with open_raster(paths[0]) as dataset:
        bands = (1, 2, 3) if dataset.count >= 3 else (1, 1, 1)
        is_8_bit = dataset.dtypes[0] == "uint8"
    values, valid = read_bands(paths, bands, frame)
    if not is_8_bit and valid.any():
        low, high = np.percentile(values[:, valid], (2, 98), axis=1)[..., None, None]
        values = (values - low) / np.maximum(high - low, 1e-6) * 255
    values[:, ~valid] = 255
    return np.moveaxis(values.clip(0, 255).astype(np.uint8), 0, -1)


def read_relief(paths: Sequence[Path], frame: Frame) -> Rgb:
    """Return the shaded relief of an elevation raster `[rows, cols, 3]`, missing white."""
    values, valid = read_bands(paths, (1,), frame)
    grey = (255 * hillshade(np.where(valid, values[0], np.nan), frame.pixel_m)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def hillshade(heights: NDArray[np.float32], pixel_m: float) -> NDArray[np.float64]:
    """Return the Lambert shade of a surface, 0 dark to 1 bright, NaN heights bright.

    The cosine between the surface normal and the light, `(sin(alt) - z_x l_x - z_y l_y) / |(z_x, z_y, 1)|`
    with `l` the horizontal part of the direction to the light.
    """
    if min(heights.shape) < 2:
        return np.ones(heights.shape)
    azimuth, altitude = np.radians(AZIMUTH), np.radians(ALTITUDE)
    d_south, d_east = np.gradient(heights.astype(np.float64), pixel_m)
    towards = d_east * np.sin(azimuth) - d_south * np.cos(azimuth)
    cosine = np.sin(altitude) - towards * np.cos(altitude)
    shade = cosine / np.sqrt(1 + d_east**2 + d_south**2)
    return np.nan_to_num(shade, nan=1.0).clip(0, 1)


def read_classes(path: Path, frame: Frame) -> NDArray[np.uint8]:
    """Return class ids `[rows, cols]` on the frame, each the class at the middle of its pixel."""
    with open_raster(path) as dataset:
        ids: NDArray[np.uint8] = dataset.read(1, out_shape=frame.shape, resampling=Resampling.nearest)
    return ids


def count_classes(path: Path) -> NDArray[np.int64]:
    """Return the exact number of pixels of each value, `[256]`, read block by block."""
    counts = np.zeros(256, np.int64)
    with open_raster(path) as dataset:
        for _, window in dataset.block_windows(1):
            counts += np.bincount(dataset.read(1, window=window).ravel(), minlength=256)
    return counts


WIDTH, MARGIN, GAP, COLUMNS = 2000, 48, 28, 3
PANEL_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) // COLUMNS
MAX_PANEL_HEIGHT = 900
INK, FAINT, PAPER, LINE, MISSING = "#1c1c1c", "#6b6b6b", "#ffffff", "#d0d0d0", (238, 238, 238)


@dataclass(frozen=True, eq=False)
class Panel:
    """A titled picture."""

    title: str
    picture: Rgb


@dataclass(frozen=True, eq=False)
class Share:
    """A class raster in the legend: its title and the share of each id in its mapped pixels, `[256]`."""

    title: str
    shares: NDArray[np.float64]


@dataclass(frozen=True)
class Heading:
    """What stands above the panels."""

    title: str
    subtitle: str = ""


@dataclass(frozen=True)
class OverviewResult(JobResult):
    """The picture that was drawn."""

    overview: Path


def draw_requested_overview(request: OverviewRequest, _reporter: Reporter) -> OverviewResult:
    """Do the job `overview`; see `draw_run`."""
    return OverviewResult(draw_run(request.run, request.output))


def draw_run(run: Path, output: Path | None = None) -> Path:
    """Draw the overview of a finished `predict` run, by default to `overview.png` in its folder.

    The picture shows the first source of three or more bands as image and the first of one band as relief.
    Raises InputError where `run` is no folder of a finished run.
    """
    record = read_record(run)
    bands = [(source.files, count_bands(source.files[0])) for source in record.inputs]
    image = next((files for files, n in bands if n >= 3), ())
    dem = next((files for files, n in bands if n == 1), ())
    grid, (rows, cols) = record.grid, record.grid.shape
    heading = Heading(
        f"Land cover: {run.resolve().name}",
        f"Model {record.model.name}; {cols:,} x {rows:,} pixels of {grid.gsd:g} m, {grid.crs}; "
        f"{record.device}, {record.precision}",
    )
    target = output or run / "overview.png"
    return draw_overview(image, dem, record.class_rasters, record.classes, target, heading=heading)


def draw_overview(
    image: Sequence[Path],
    dem: Sequence[Path],
    products: Mapping[str, Path],
    classes: Sequence[LandCoverClass],
    out_png: Path,
    *,
    heading: Heading = Heading("Land cover"),
) -> Path:
    """Draw the picture, about 2000 px wide, and return its path; it appears when it is whole.

    `products` maps a title to each class raster, the map first; all share one grid. `image` and `dem` are the
    tiles of a mosaic, on any grid; an empty list leaves its panel out. Raises InputError for rasters that
    cannot be read and OutputError where the picture cannot be written.
    """
    first = next(iter(products.values()))
    frame = frame_of(first, PANEL_WIDTH, MAX_PANEL_HEIGHT)
    panels = [Panel("Image", read_picture(image, frame))] if image else []
    if dem:
        panels.append(Panel("Relief", read_relief(dem, frame)))
    palette = class_palette(classes)
    panels += [Panel(name, palette[read_classes(path, frame)]) for name, path in products.items()]
    shares = [Share(name, _shares(count_classes(path))) for name, path in products.items()]
    return _save(_compose(panels, shares, classes, frame, heading), out_png)


def class_palette(classes: Sequence[LandCoverClass]) -> Rgb:
    """Return the colour of each class id, `[256, 3]`; ids without a class are light grey."""
    palette = np.empty((256, 3), np.uint8)
    palette[:] = MISSING
    for c in classes:
        palette[c.id] = c.rgb
    return palette


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    mapped = counts.copy()
    mapped[NODATA_CLASS] = 0
    return mapped / max(1, mapped.sum())


def _compose(
    panels: Sequence[Panel],
    shares: Sequence[Share],
    classes: Sequence[LandCoverClass],
    frame: Frame,
    heading: Heading,
) -> Image.Image:
    head, label, row_height = 132, 44, 38
    panel_height = frame.shape[0]
    n_rows = math.ceil(len(panels) / COLUMNS)
    legend_top = MARGIN + head + n_rows * (panel_height + label + GAP) + GAP
    height = legend_top + row_height * (len(classes) + 1) + MARGIN
    sheet = Image.new("RGB", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), heading.title, INK, _font(46))
    draw.text((MARGIN, MARGIN + 64), heading.subtitle, FAINT, _font(26))
    for index, panel in enumerate(panels):
        x = MARGIN + index % COLUMNS * (PANEL_WIDTH + GAP)
        y = MARGIN + head + index // COLUMNS * (panel_height + label + GAP)
        draw.text((x, y), panel.title, INK, _font(28))
        sheet.paste(Image.fromarray(panel.picture), (x, y + label))
        right, bottom = x + panel.picture.shape[1], y + label + panel_height
        draw.rectangle((x - 1, y + label - 1, right, bottom), outline=LINE)
        if index == 0:
            _draw_scale(draw, frame, right - 18, bottom - 18)
    _draw_legend(draw, shares, classes, legend_top, row_height)
    return sheet


def _draw_scale(draw: ImageDraw.ImageDraw, frame: Frame, right: int, bottom: int) -> None:
    """Draw a scale bar of a round length, about a quarter of the panel, with its lower right corner there."""
    length_m = round_length(frame.shape[1] * frame.pixel_m / 4)
    pixels = round(length_m / frame.pixel_m)
    text = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    draw.rectangle((right - pixels - 12, bottom - 46, right + 12, bottom + 8), fill=PAPER)
    draw.text((right - pixels / 2, bottom - 40), text, INK, _font(22), anchor="ma")
    draw.line((right - pixels, bottom - 6, right, bottom - 6), INK, 4)


def round_length(at_most: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above `at_most` (> 0)."""
    power = 10.0 ** math.floor(math.log10(at_most))
    return power * max(step for step in (1, 2, 5) if step * power <= at_most * (1 + 1e-9))


def _draw_legend(
    draw: ImageDraw.ImageDraw,
    shares: Sequence[Share],
    classes: Sequence[LandCoverClass],
    top: int,
    row_height: int,
) -> None:
    """Draw a table: colour, class, group, then for each class raster the share of its pixels, with a bar."""
    left, first_column = MARGIN, MARGIN + 560
    step = (WIDTH - MARGIN - first_column) // max(1, len(shares))
    widest = max((float(s.shares[c.id]) for s in shares for c in classes), default=0.0) or 1.0
    draw.text((left, top), "Class, and its share of the pixels in %", FAINT, _font(24))
    for k, share in enumerate(shares):
        draw.text((first_column + k * step, top), _fitted(share.title, 24, step - 24), FAINT, _font(24))
    for row, c in enumerate(classes, start=1):
        y = top + row * row_height
        draw.line((left, y - 4, WIDTH - MARGIN, y - 4), LINE)
        draw.rectangle((left, y + 3, left + 40, y + 27), fill=c.rgb, outline=FAINT)
        draw.text((left + 56, y), c.name, INK, _font(26))
        draw.text((left + 420, y), c.group, FAINT, _font(26))
        for k, share in enumerate(shares):
            x, value = first_column + k * step, float(share.shares[c.id])
            draw.text((x + 74, y), f"{100 * value:.2f}", INK, _font(26), anchor="ra")
            if value:
                bar = (x + 88, y + 5, x + 89 + (step - 124) * value / widest, y + 25)
                draw.rectangle(bar, fill=c.rgb, outline=FAINT)


def _fitted(text: str, size: int, width: float) -> str:
    """Return the text, shortened to fit."""
    while len(text) > 1 and _font(size).getlength(text) > width:
        text = text[:-2].rstrip() + "…"
    return text


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _save(sheet: Image.Image, path: Path) -> Path:
    make_folder(path.parent)
    with written_whole(path) as part:
        sheet.save(part, "PNG")
    return path
