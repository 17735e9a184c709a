"""The text in which further sources are given by role."""

from __future__ import annotations

import re

from .i18n import tr

_ROLE = re.compile(r"[a-z][a-z0-9_]*")
#: Roles that have a parameter of their own.
_OWN = ("image", "dem")


def parse_sources(text: str) -> dict[str, tuple[str, ...]]:
    """Return role -> rasters of a text like `ndsm=/data/a.tif; ndsm=/data/b.tif; nir=layer name`.

    A role given several times is a mosaic. Raises ValueError with a sentence for people.
    """
    sources: dict[str, tuple[str, ...]] = {}
    for part in re.split(r"[;\n]", text):
        if not part.strip():
            continue
        role, equals, raster = (piece.strip() for piece in part.partition("="))
        if not equals or not raster or not _ROLE.fullmatch(role):
            raise ValueError(
                tr('SOURCES has "{}": write role=path, several separated by semicolons.').format(part.strip())
            )
        if role in _OWN:
            raise ValueError(
                tr("SOURCES names the role {}: give that raster as {}.").format(role, role.upper())
            )
        sources[role] = (*sources.get(role, ()), raster)
    return sources
