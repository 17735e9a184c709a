"""The table of experts: which classes each is responsible for, every one a part of those before it."""

from collections.abc import Sequence
from itertools import pairwise

from ..core.base.errors import InputError
from ..core.model.card import ExpertSpec
from ..core.model.classes import LandCoverClass

_NESTED = (("all", ("head", "body", "tail")), ("body and tail", ("body", "tail")), ("tail", ("tail",)))


def nested_experts(classes: Sequence[LandCoverClass], n_experts: int) -> tuple[ExpertSpec, ...]:
    """Return the paper's table: expert 1 for all classes, 2 for body and tail, 3 for tail.

    Raises:
        InputError: if an expert would have no class.
    """
    found = []
    for name, groups in _NESTED[:n_experts]:
        ids = tuple(c.id for c in classes if c.group in groups)
        if not ids:
            raise InputError(f"No class of the catalogue is in the group {groups[0]}; use fewer experts.")
        found.append(ExpertSpec(name=name, classes=ids))
    return tuple(found)


def check_nested(experts: Sequence[ExpertSpec], classes: Sequence[LandCoverClass]) -> None:
    """Raise InputError unless expert 1 has all classes, and each other one a part of those before it."""
    names = {c.id: c.name for c in classes}
    if set(experts[0].classes) != set(names):
        raise InputError(f"The first expert, {experts[0].name!r}, must be responsible for every class.")
    for wider, narrower in pairwise(experts):
        beyond = sorted(set(narrower.classes) - set(wider.classes))
        if beyond:
            raise InputError(
                f"The experts are not nested: {narrower.name!r} has the class "
                f"{names.get(beyond[0], beyond[0])}, which {wider.name!r} before it has not."
            )
