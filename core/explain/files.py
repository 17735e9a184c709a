"""Writes a heat map: a georeferenced raster with its style beside it, whole or not at all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from ..base.errors import OutputError
from ..base.files import check_whole, part_of, write_whole
from ..geodata.cog import CHUNK_PROFILE, put_in_place, remove_part, write_cog
from ..geodata.grid import WorldGrid
from ..geodata.mosaic import BandStyle, Mosaic, Placement
from ..geodata.styles import diverging_style
from .heat import Heat

#: Share of the absolute relevance in pixels beyond the ends of the scale: a few stand far out.
_BEYOND = 0.1


def write_heat(path: Path, heat: Heat, grid: WorldGrid, about: str, tags: Mapping[str, str]) -> None:
    """Write a heat map as float32 GeoTIFF, and its style as QML.

    Band 1 is the relevance of all sources together; where there are several, each has a band of its own after
    it. `about` says in a few words what the relevance is to.

    Raises:
        OutputError: if the disk does not take it; nothing half-written is left.
    """
    bands = [(f"Relevance to {about}", heat.total)]
    if len(heat.by_source) > 1:
        bands += [(f"Relevance of {role}", values) for role, values in heat.by_source.items()]
    part = part_of(path)
    pixels = part.with_name(f"{part.name}.pixels.tif")
    mosaic = Mosaic(
        width=heat.region.shape[1],
        height=heat.region.shape[0],
        wkt=grid.crs.to_wkt(),
        transform=grid.transform(heat.region),
        dtype="float32",
        bands=[BandStyle(description) for description, _ in bands],
        placements=[Placement(pixels, 0, 0, heat.region.shape[1], heat.region.shape[0])],
        nodata=np.nan,
        tags={"AREA_OR_POINT": "Area", **tags},
    )
    try:
        with _disk(path.parent):
            _write_pixels(pixels, np.stack([values for _, values in bands]), mosaic)
            write_cog(mosaic, part, lambda factor: part.with_name(f"{part.name}.{factor}.tif"), classes=False)
        put_in_place(part, path)
        write_whole(path.with_suffix(".qml"), diverging_style(scale_of(heat.total)))
    finally:
        remove_part(part)


def scale_of(relevance: NDArray[np.float32]) -> float:
    """Return the relevance at the ends of the colour scale, above 0."""
    size = np.sort(np.abs(relevance[np.isfinite(relevance)]).astype(np.float64))
    reached = np.cumsum(size)
    if not size.size or reached[-1] == 0:
        return 1.0
    return float(size[np.searchsorted(reached, (1 - _BEYOND) * reached[-1])])


def _write_pixels(path: Path, values: NDArray[np.float32], mosaic: Mosaic) -> None:
    shape = {"count": values.shape[0], "height": mosaic.height, "width": mosaic.width, "dtype": "float32"}
    with rasterio.open(path, "w", **shape, nodata=mosaic.nodata, **CHUNK_PROFILE) as file:
        file.write(values)
    check_whole(path)


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except RasterioError as error:
        raise OutputError(f"The heat map cannot be written to {folder} ({error}); check the disk.") from error
