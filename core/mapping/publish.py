"""Makes the final files of finished chunks: cloud-optimised GeoTIFFs and their styles, all renamed at the
end.
"""

import errno
import shutil
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import OutputError
from ..base.files import disk_error, disk_errors, part_of, write_whole
from ..geodata.cog import put_in_place, remove_part, run_in_daemons, write_cog
from ..geodata.grid import WorldGrid
from ..geodata.mosaic import Mosaic, Placement
from ..geodata.styles import paletted_style
from .plan import Layout
from .products import Product
from .store import RUN_FILE, RunStore

#: Files made together; each compresses with all cores, but reads and halves alone.
_THREADS = 2


@dataclass(frozen=True)
class Publisher:
    """Joins the chunks of a store into files; `still_wanted` is called now and then and may raise to stop."""

    store: RunStore
    layout: Layout
    grid: WorldGrid
    still_wanted: Callable[[], None]

    def publish(self, targets: Mapping[Product, Path]) -> None:
        """Write every product to its target; no target appears or changes before all are whole.

        Raises:
            OutputError: if the disk does not take them; nothing half-written is left.
        """
        parts = {product: part_of(target) for product, target in targets.items()}
        try:
            for folder in {part.parent for part in parts.values()}:
                with disk_errors(folder):
                    folder.mkdir(parents=True, exist_ok=True)
            self._convert(parts)
            self._rename(parts, targets)
        finally:
            for part in parts.values():
                remove_part(part)

    def _convert(self, parts: Mapping[Product, Path]) -> None:
        """Write the cloud-optimised GeoTIFFs, the largest first. A run that is cancelled does not wait for
        GDAL; what is finished too late is removed.
        """
        waiting = deque(sorted(parts, key=lambda product: -len(product.bands)))
        failures: list[tuple[Product, Exception]] = []
        abandoned = threading.Event()

        def work() -> None:
            while not (failures or abandoned.is_set()):
                try:
                    product = waiting.popleft()
                except IndexError:  # nothing is left
                    return
                try:
                    self._copy(product, parts[product])
                except Exception as error:  # GDAL fails in many types; raised again below
                    failures.append((product, error))
                if abandoned.is_set():
                    remove_part(parts[product])

        self.still_wanted()
        try:
            run_in_daemons(work, _THREADS, self.still_wanted)
        except BaseException:
            abandoned.set()
            raise
        if failures:
            product, error = failures[0]
            raise self._failed(product, parts[product], error) from error

    def _copy(self, product: Product, part: Path) -> None:
        write_cog(
            self._mosaic(product),
            part,
            lambda factor: self.store.overview_file(product, factor),
            classes=product.is_class_raster,
        )

    def _failed(self, product: Product, part: Path, error: Exception) -> OutputError:
        """Return the sentence for a file that could not be made; GDAL seldom says that the disk is full."""
        chunks = [self.store.chunk_file(chunk, product) for chunk in self.layout.chunks()]
        needed = 1.5 * sum(path.stat().st_size for path in chunks)
        if shutil.disk_usage(part.parent).free < needed:
            return disk_error(part.parent, OSError(errno.ENOSPC, "full"))
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        return OutputError(
            f"{product.id} could not be written to {part.parent} ({reason}); check the disk and run the same "
            "command again."
        )

    def _mosaic(self, product: Product) -> Mosaic:
        region = self.layout.region
        chunks = self.layout.chunks()
        return Mosaic(
            width=region.shape[1],
            height=region.shape[0],
            wkt=self.grid.crs.to_wkt(),
            transform=self.grid.transform(region),
            dtype=product.dtype,
            bands=product.bands,
            placements=[
                Placement(
                    self.store.chunk_file(chunk, product),
                    chunk.region.col0 - region.col0,
                    chunk.region.row0 - region.row0,
                    chunk.region.shape[1],
                    chunk.region.shape[0],
                )
                for chunk in chunks
            ],
            nodata=product.nodata,
            tags={"AREA_OR_POINT": "Area", **product.tags},
        )

    def _rename(self, parts: Mapping[Product, Path], targets: Mapping[Product, Path]) -> None:
        """Bring the finished files to their names; from here on the old results are gone."""
        with disk_errors(self.store.output):
            (self.store.output / RUN_FILE).unlink(missing_ok=True)
        for product, part in parts.items():
            target = targets[product]
            put_in_place(part, target)
            if product.is_class_raster:
                write_whole(target.with_suffix(".qml"), paletted_style(product.bands[0].categories))
