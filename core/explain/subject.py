"""What is explained: the logit of which class, whose opinion, and against what."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..card import ModelCard
from ..catalogue import LandCoverClass
from ..errors import InputError
from ..tile_card import TileCard
from .heat import Target


@dataclass(frozen=True)
class Subject:
    """Whose opinion on what is explained."""

    target: Target
    class_: LandCoverClass
    against: LandCoverClass | None
    expert: str | None

    @property
    def about(self) -> str:
        """In a few words."""
        contrast = f" against {self.against.name}" if self.against else ""
        by = f"expert {self.expert}" if self.expert else "whole tiles"
        return f"{self.class_.name}{contrast}, {by}"


def find_class(classes: Sequence[LandCoverClass], wanted: str) -> int:
    """Return the channel of a class by its name or id.

    Raises:
        InputError: if there is no such class.
    """
    text = wanted.strip().casefold()
    for channel, c in enumerate(classes):
        if text in (str(c.id), c.name.casefold()):
            return channel
    listed = ", ".join(f"{c.id} ({c.name})" for c in classes)
    raise InputError(f"The model has no class {wanted!r}; it has {listed}.")


def find_expert(card: ModelCard, wanted: str | None, channel: int) -> int:
    """Return the number, from 0, of an expert by its name or its number from 1; the specialist of the
    class if none is named: the responsible one with the fewest classes.

    Raises:
        InputError: if there is no such expert.
    """
    if wanted is None:
        able = [k for k, row in enumerate(card.responsible) if row[channel]]
        return min(able, key=lambda k: len(card.experts[k].classes))
    text = wanted.strip().casefold()
    for k, expert in enumerate(card.experts):
        if text in (str(k + 1), expert.name.casefold()):
            return k
    listed = ", ".join(f"{k} ({expert.name})" for k, expert in enumerate(card.experts, start=1))
    raise InputError(f"The model has no expert {wanted!r}; it has {listed}.")


def choose_subject(
    card: ModelCard | TileCard, class_name: str, expert: str | None, against: str | None
) -> Subject:
    """Return what the user asked for, in the model's terms.

    Raises:
        InputError: if the model has no such class or expert, or the class is compared with itself.
    """
    channel = find_class(card.classes, class_name)
    other = None if against is None else find_class(card.classes, against)
    if other == channel:
        raise InputError(
            f"{card.classes[channel].name} cannot be compared with itself; choose another class."
        )
    classes = card.classes[channel], None if other is None else card.classes[other]
    if isinstance(card, TileCard):
        if expert is not None:
            raise InputError(f"The model {card.name} screens tiles and has no experts; leave the expert out.")
        return Subject(Target(None, channel, other), *classes, None)
    number = find_expert(card, expert, channel)
    return Subject(Target(number, channel, other), *classes, card.experts[number].name)
