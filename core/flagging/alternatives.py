"""What a map would say instead of a rare class: at each pixel the best class outside of the rare group, from
the logits where a run has kept them, else what the expert for all classes says.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from ..base.errors import InputError
from ..geodata.grid import Region
from ..mapping.record import RunRecord
from ..model.aggregation import aggregate
from ..model.classes import NODATA_CLASS, LandCoverClass

#: Pixels read at once: many, as each piece of a tile that is read decodes all of it.
_CHUNK = 1 << 19
Ids = NDArray[np.uint8]
Basis = Literal["logits", "expert 1"]


def allowed_instead(classes: Sequence[LandCoverClass]) -> NDArray[np.bool_]:
    """Return `[C, C]`: may class j stand in for class i?

    Those outside of its group may; where all classes are of one group, every other one.
    """
    groups = np.array([c.group for c in classes])
    allowed = groups[:, None] != groups[None, :]
    alone = ~allowed.any(axis=1)
    allowed[alone] = ~np.eye(len(classes), dtype=np.bool_)[alone]
    return allowed


class Alternatives:
    """The classes that a finished run would have without the rare ones, over the regions of its raster.

    Attributes:
        basis: what they come from.
    """

    def __init__(self, record: RunRecord):
        """Open a run's logits, or else the map of its first expert.

        Raises:
            InputError: if the file that the run names cannot be read.
        """
        self._ids = np.array([c.id for c in record.classes], np.uint8)
        self._channels = np.full(256, len(record.classes), np.uint8)
        self._channels[self._ids] = np.arange(len(record.classes))
        self._allowed = allowed_instead(record.classes)
        self._rule = record.rule()
        self.basis: Basis = "logits" if "logits" in record.products else "expert 1"
        path = record.products["logits" if self.basis == "logits" else "expert_1"]
        try:
            self._raster: Any = rasterio.open(path)
        except RasterioError as error:
            raise InputError(f"{path} cannot be read; map the run again.") from error

    def close(self) -> None:
        """Close the file."""
        self._raster.close()

    def read(self, region: Region, classes: Ids) -> Ids:
        """Return the class ids that would stand in for `classes`, ids `[h, w]` of a region.

        NODATA_CLASS where `classes` has none of the map's, or the first expert says one of the group itself.

        Raises:
            InputError: if the file breaks while being read.
        """
        instead = np.full(classes.shape, NODATA_CLASS, np.uint8)
        wanted = self._channels[classes] < len(self._ids)
        rows = np.flatnonzero(wanted.any(axis=1))
        if not len(rows):
            return instead
        step = max(1, _CHUNK // region.shape[1])
        for top in range(int(rows[0]), int(rows[-1]) + 1, step):
            part = slice(top, min(top + step, int(rows[-1]) + 1))
            here = wanted[part]
            strip = Region(region.row0 + part.start, region.row0 + part.stop, region.col0, region.col1)
            values = self._values(strip)[:, here]
            channels = self._channels[classes[part][here]].astype(np.int64)
            decide = self._by_logits if self.basis == "logits" else self._by_expert
            instead[part][here] = decide(values, channels)
        return instead

    def _by_expert(self, values: NDArray[Any], channels: NDArray[np.int64]) -> Ids:
        """Return what the first expert says, `values` `[1, N]`, where it may stand in for channels `[N]`."""
        said = values[0]
        found = self._channels[said].astype(np.int64)
        known = np.minimum(found, len(self._ids) - 1)
        fits = (found < len(self._ids)) & self._allowed[channels, known]
        return np.where(fits, said, NODATA_CLASS).astype(np.uint8)

    def _by_logits(self, values: NDArray[Any], channels: NDArray[np.int64]) -> Ids:
        """Return what the joined logits say without the groups of channels `[N]`."""
        rule = self._rule
        shape = (rule.n_experts, len(self._ids), 1, -1)
        logits = torch.from_numpy(values.astype(np.float32).reshape(shape))
        joined = aggregate(logits, rule.aggregation, rule.responsible, rule.composition).numpy()[:, 0]
        found = self._ids[np.where(self._allowed[channels].T, joined, -np.inf).argmax(axis=0)]
        return np.where(np.isnan(values).any(axis=0), NODATA_CLASS, found).astype(np.uint8)

    def _values(self, region: Region) -> NDArray[Any]:
        window = Window(region.col0, region.row0, region.shape[1], region.shape[0])
        try:
            values: NDArray[Any] = self._raster.read(window=window)
        except RasterioError as error:
            raise InputError(f"{self._raster.name} cannot be read to its end; map it again.") from error
        return values
