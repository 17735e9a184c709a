"""Land-cover classes: names, colours, frequency groups and source codes, read from `resources/catalogues`."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..base.errors import InputError
from ..base.package import RESOURCES

Group = Literal["head", "body", "tail"]
CATALOGUES = RESOURCES / "catalogues"

#: Value of pixels without a class in every class raster that we write.
NODATA_CLASS = 255
#: Label value of unlabelled pixels (the TLM's background): never trained, never predicted.
BACKGROUND = 0


class LandCoverClass(BaseModel):
    """One class of a map. `id` is its raster value, `codes` the source's own codes (TLM OBJEKTART)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int = Field(ge=0, lt=NODATA_CLASS)
    name: str = Field(min_length=1)
    color: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    group: Group
    codes: tuple[int, ...] = ()
    share: float | None = Field(default=None, ge=0, le=1)

    def legend(self) -> dict[str, Any]:
        """What a legend needs to know, as JSON."""
        return self.model_dump(mode="json", include={"id", "name", "color", "group"})

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Colour as 0..255 red, green, blue."""
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


def load_catalogue(name: str = "swisstlm3d") -> tuple[LandCoverClass, ...]:
    """Return the classes of a shipped catalogue, in id order."""
    raw = json.loads((CATALOGUES / f"{name}.json").read_text(encoding="utf-8"))
    return tuple(LandCoverClass.model_validate(entry) for entry in raw["classes"])


def find_class(classes: Sequence[LandCoverClass], wanted: int | str) -> int:
    """Return the channel of a class by its id or its name, in any case.

    Raises:
        InputError: if there is no such class.
    """
    text = str(wanted).strip().casefold()
    for channel, c in enumerate(classes):
        if text in (str(c.id), c.name.casefold()):
            return channel
    listed = ", ".join(f"{c.id} ({c.name})" for c in classes)
    raise InputError(f"The model has no class {wanted!r}; it has {listed}.")


def select_classes(
    classes: Sequence[LandCoverClass], wanted: Sequence[int | str]
) -> tuple[LandCoverClass, ...]:
    """Return the wanted classes by id or name, in the map's order; the tail group if none is named.

    Raises:
        InputError: if there is no such class.
    """
    if wanted:
        chosen = {find_class(classes, name) for name in wanted}
        return tuple(c for channel, c in enumerate(classes) if channel in chosen)
    tail = tuple(c for c in classes if c.group == "tail")
    if not tail:
        raise InputError("The model has no classes of the tail group; name the classes to flag.")
    return tail
