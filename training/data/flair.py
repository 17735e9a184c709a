"""Tiles of FLAIR-1 (French aerial images, five bands, 19 classes). No other format is read here."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...core.base.errors import InputError
from ...core.model.classes import load_catalogue
from .rasters import read_bands
from .tiles import Area, BoundsTable, LabelArray, LabelTable, class_codes, files_digest, label_table

SIDE, N_BANDS = 512, 5
#: Mask id of everything else, and of no class: never trained.
OTHER = 19
CATALOGUE = "flair"
_NUMBER = re.compile(r"IMG_(\d+)$")


def flair_labels() -> LabelTable:
    """Return the table of mask files: ids 1..18 are classes, 19 (other) and 0 are ignored."""
    return label_table(class_codes(load_catalogue(CATALOGUE), own_codes=True), ignored=(0, OTHER))


@dataclass(frozen=True, eq=False)
class FlairTiles:
    """Pairs of an image (R, G, B, NIR, height in fifths of a metre; uint8) and a mask, 512 x 512 at 0.2 m."""

    pairs: Sequence[tuple[Path, Path]]
    labels: LabelTable = field(default_factory=flair_labels)

    @property
    def names(self) -> Sequence[str]:
        """Domain, zone and number of each tile."""
        return ["/".join((*image.parts[-4:-2], image.stem)) for image, _ in self.pairs]

    @property
    def shapes(self) -> Sequence[tuple[int, int]]:
        """Rows and columns of each tile."""
        return [(SIDE, SIDE)] * len(self.pairs)

    @property
    def bounds(self) -> BoundsTable | None:
        """None: splits are by whole domains."""
        return None

    def read(self, index: int) -> Area:
        """Read a tile."""
        return Area(read_bands(self.pairs[index][0], N_BANDS, (SIDE, SIDE)), self.read_labels(index))

    def read_labels(self, index: int) -> LabelArray:
        """Read the labels of a tile."""
        path = self.pairs[index][1]
        return self.labels.apply(read_bands(path, 1, (SIDE, SIDE), np.uint8)[0], str(path))

    def fingerprint(self) -> str:
        """Return a hash of the masks and their coding."""
        return files_digest((mask for _, mask in self.pairs), "flair", self.labels.digest())


def read_flair(images: Path, masks: Path, domains: Collection[str] = ()) -> FlairTiles:
    """Return the tiles of some domains: `<domain>/<zone>/img/IMG_n.tif` and `<domain>/<zone>/msk/MSK_n.tif`.

    Args:
        domains: names such as D004_2021; none means all.

    Raises:
        InputError: if a domain has no image, or an image no mask.
    """
    found = sorted(images.glob("*/*/img/IMG_*.tif"))
    chosen = [path for path in found if not domains or path.parts[-4] in domains]
    missing = sorted(set(domains) - {path.parts[-4] for path in chosen})
    if missing or not chosen:
        what = f"of the domain {missing[0]} " if missing else ""
        raise InputError(f"There is no image {what}below {images} (<domain>/<zone>/img/IMG_*.tif).")
    known = {path.relative_to(masks) for path in masks.glob("*/*/msk/MSK_*.tif")}
    pairs = []
    for image in chosen:
        number = _NUMBER.search(image.stem)
        mask = Path(*image.parts[-4:-2], "msk", f"MSK_{number[1] if number else image.stem}.tif")
        if mask not in known:
            raise InputError(f"The image {image} has no mask {masks / mask}.")
        pairs.append((image, masks / mask))
    return FlairTiles(pairs)
