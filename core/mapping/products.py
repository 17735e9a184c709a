"""What is written: the products of a run, their bands and their meaning. How files are made lives in
`publish.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..base.errors import InputError
from ..geodata.mosaic import BandStyle, Category
from ..model.card import ModelCard
from ..model.classes import NODATA_CLASS
from ..model.decision import EVIDENCE_STEPS
from .pipeline import NODATA_EVIDENCE, MapRows


@dataclass(frozen=True, eq=False)
class Product:
    """One raster: `id` is its name in results and the stem of its default file, `tags` go into the file."""

    id: str
    title: str
    dtype: str
    nodata: float
    bands: tuple[BandStyle, ...]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def is_class_raster(self) -> bool:
        """Does it hold class ids, and nothing else?"""
        return bool(self.bands[0].categories) and len(self.bands) == 1


def products_of(
    card: ModelCard, tags: dict[str, str], alpha: float, *, logits: bool = False
) -> tuple[Product, ...]:
    """Return the products of a model: the map, each expert's map, the evidence, and on request the logits.

    An expert's map is the arg-max over all of its logits, also those of classes it is not responsible for:
    it shows what the expert says, not what it was asked.
    """
    categories = tuple(Category(c.id, c.name, c.group, c.rgb) for c in card.classes)

    def classes(name: str) -> tuple[BandStyle, ...]:
        return (BandStyle(name, interpretation="Palette", categories=categories),)

    land_cover = Product(
        "land_cover",
        "Land cover",
        "uint8",
        NODATA_CLASS,
        classes("Land cover (class id)"),
        {**tags, "MCE_PRODUCT": "land_cover"},
    )
    experts = [
        Product(
            f"expert_{k}",
            f"Expert {k}: {expert.name}",
            "uint8",
            NODATA_CLASS,
            classes(f"Expert {k}, {expert.name} (class id)"),
            {**tags, "MCE_PRODUCT": f"expert_{k}", "MCE_EXPERT": expert.name},
        )
        for k, expert in enumerate(card.experts, start=1)
    ]
    evidence = Product(
        "evidence",
        "Evidence",
        "uint16",
        NODATA_EVIDENCE,
        evidence_bands([expert.name for expert in card.experts]),
        {**tags, "MCE_PRODUCT": "evidence", "MCE_ALPHA": repr(float(alpha))},
    )
    return land_cover, *experts, evidence, *([_logits(card, tags)] if logits else [])


def _logits(card: ModelCard, tags: dict[str, str]) -> Product:
    """Return the raster of all blended logits: any aggregation, alpha and prior can be decided from it."""
    bands = tuple(
        BandStyle(f"Expert {k}, {expert.name}: {c.name}")
        for k, expert in enumerate(card.experts, start=1)
        for c in card.classes
    )
    return Product("logits", "Logits", "float32", math.nan, bands, {**tags, "MCE_PRODUCT": "logits"})


def evidence_bands(experts: Sequence[str]) -> tuple[BandStyle, ...]:
    """Return the bands of the evidence raster, see `decision.Decisions`; all but the first are shares in
    0..1, scaled to whole numbers.
    """
    shares = ["Entropy", "Margin", "Variation ratio", "Expert agreement", "Support of the ML class"]
    shares += [f"Support by expert {k}, {name}" for k, name in enumerate(experts, start=1)]
    return (
        BandStyle("ML class (class id)", scale=1.0),
        *(BandStyle(name, unit="1", scale=1 / EVIDENCE_STEPS) for name in shares),
    )


def pixels_of(product_id: str, rows: MapRows) -> NDArray[Any]:
    """Return a product's part of finished rows, `[bands, rows, width]`."""
    if product_id == "evidence":
        return rows.evidence
    if product_id == "logits":
        return rows.logits
    index = 0 if product_id == "land_cover" else int(product_id.removeprefix("expert_"))
    return rows.classes[index : index + 1]


def targets_of(
    products: Sequence[Product], output: Path, destinations: Mapping[str, Path]
) -> dict[str, Path]:
    """Return the file of every product by id: its destination, else one in the output folder.

    Raises:
        InputError: if a destination is for no product.
    """
    ids = [product.id for product in products]
    for given in destinations:
        if given not in ids:
            raise InputError(
                f"There is no product {given!r} to give a destination; there are {', '.join(ids)}."
            )
    return {id_: Path(destinations.get(id_, output / f"{id_}.tif")) for id_ in ids}
