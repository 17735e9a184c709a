"""Units of raster values: what a file declares and whether two names mean the same. Nothing is converted."""

import re
from typing import Any

_SYNONYMS = {
    "m": {"m", "metre", "metres", "meter", "meters"},
    "ft": {"ft", "foot", "feet", "international foot"},
    "us-ft": {"us-ft", "ftus", "us survey foot", "us survey feet", "foot us", "foot_us", "u.s. foot"},
    "cm": {"cm", "centimetre", "centimetres", "centimeter", "centimeters"},
    "mm": {"mm", "millimetre", "millimetres", "millimeter", "millimeters"},
    "km": {"km", "kilometre", "kilometres", "kilometer", "kilometers"},
}
_CANONICAL = {name: unit for unit, names in _SYNONYMS.items() for name in names}
_VERTICAL_UNIT = re.compile(r'VERT_?(?:CS|CRS)\[.*?(?:LENGTH)?UNIT\["([^"]+)"', re.DOTALL)


def same_unit(one: str, other: str) -> bool:
    """Tell whether two unit names mean the same, as far as their spelling is known here."""
    return _canonical(one) == _canonical(other)


def declared_unit(dataset: Any) -> str | None:
    """Return the unit that an open raster declares: of its bands, else of its vertical CRS; None if of
    neither.
    """
    for unit in dataset.units:
        if unit:
            return str(unit)
    match = _VERTICAL_UNIT.search(dataset.crs.to_wkt()) if dataset.crs else None
    return match.group(1) if match else None


def _canonical(name: str) -> str:
    folded = name.strip().lower()
    return _CANONICAL.get(folded, folded)
