"""What each expert says of a candidate: from the candidate itself, and from the experts' rasters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsGeometry, QgsRasterLayer

from .records import Candidate, ReviewClass
from .run_layers import RunFiles


@dataclass(frozen=True)
class Opinion:
    """One expert's. `says` is the class that it sees in the middle of the candidate, None if unknown."""

    expert: str
    agrees: bool
    says: ReviewClass | None


class Opinions:
    """Reads one pixel of each expert's raster; `experts` are their names in order."""

    def __init__(self, experts: Sequence[str], classes: Sequence[ReviewClass], files: RunFiles) -> None:
        self._experts = tuple(experts)
        self._classes: Mapping[int, ReviewClass] = {c.id: c for c in classes}
        self._rasters = [_open(files.roles.get(f"expert_{n}", [])) for n in range(1, len(experts) + 1)]

    def of(self, candidate: Candidate, outline: QgsGeometry) -> list[Opinion]:
        """Return the opinions in the experts' order; agreeing ones see the flagged class in most of it."""
        agreeing = set(candidate.experts.split(", ")) if candidate.experts else set()
        flagged = self._classes.get(candidate.class_id)
        opinions = []
        for name, raster in zip(self._experts, self._rasters, strict=True):
            agrees = name in agreeing
            says = flagged if agrees else self._sample(raster, outline)
            # In the middle of a candidate that is mostly something else, the expert may see the class.
            opinions.append(Opinion(name, agrees, says if agrees or says != flagged else None))
        return opinions

    def _sample(self, raster: QgsRasterLayer | None, outline: QgsGeometry) -> ReviewClass | None:
        if raster is None:
            return None
        middle = outline.pointOnSurface()
        if middle.isEmpty():
            return None
        value, known = raster.dataProvider().sample(middle.asPoint(), 1)
        return self._classes.get(int(value)) if known else None


def _open(files: Sequence[Path]) -> QgsRasterLayer | None:
    if not files or not files[0].is_file():
        return None
    layer = QgsRasterLayer(str(files[0]), files[0].stem)
    return layer if layer.isValid() else None
