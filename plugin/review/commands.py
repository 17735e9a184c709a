"""What the keys of a review do: names, texts and first keys. `keys.py` listens for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..i18n import tr

#: So many classes have a key of their own; the list of classes holds the others.
N_CLASS_KEYS = 10
#: So many experts have a key of their own; another key steps through them all.
N_EXPERT_KEYS = 9


class Topic(Enum):
    """Part of the work that a command belongs to, in the order of the list of keys."""

    DECIDE = "decide"
    MOVE = "move"
    LOOK = "look"
    MORE = "more"


@dataclass(frozen=True)
class Command:
    """`name` is what the user's own key is stored under; `key` the first one, as Qt writes it."""

    name: str
    text: str
    key: str
    topic: Topic


def reclassify(number: int) -> str:
    """Return the name of the command that puts the class with this number (1 is the first) there."""
    return f"reclassify_{number}"


def expert(number: int) -> str:
    """Return the name of the command that shows this expert; 1 is the first."""
    return f"expert_{number}"


def commands() -> tuple[Command, ...]:
    """Return all commands, in the user's language."""
    return (*_deciding(), *_moving(), *_looking(), *_more())


def topic_title(topic: Topic) -> str:
    """Return the heading of a topic in the list of keys."""
    return {
        Topic.DECIDE: tr("Decide"),
        Topic.MOVE: tr("Move"),
        Topic.LOOK: tr("Look"),
        Topic.MORE: tr("More"),
    }[topic]


def allowed_commands(
    *, there: bool, drawing: bool, may_write: bool, n_classes: int, can_undo: bool, can_redo: bool
) -> dict[str, bool]:
    """Return which commands make sense now, for those that do not always.

    Args:
        there: there is a candidate.
        drawing: its outline is being drawn: undo belongs to the drawing then, and what would lose it waits.
        may_write: the file can be written.
        n_classes: of the map.
        can_undo: there is a decision to take back.
        can_redo: there is one to make again.
    """
    writes, at_rest = there and may_write, not drawing
    return {
        **dict.fromkeys(("accept", "class_menu", "draw"), writes),
        **dict.fromkeys(("reject", "unsure"), writes and at_rest),
        **{reclassify(n): writes and n <= n_classes for n in range(1, N_CLASS_KEYS + 1)},
        **dict.fromkeys(("skip", "next_undecided", "previous"), there and at_rest),
        "undo": may_write and at_rest and can_undo,
        "redo": may_write and at_rest and can_redo,
    }


def _deciding() -> list[Command]:
    topic = Topic.DECIDE
    classes = [
        Command(reclassify(n), tr("It is class {}").format(n), str(n % 10), topic)
        for n in range(1, N_CLASS_KEYS + 1)
    ]
    return [
        Command("accept", tr("Accept: the map missed it"), "A", topic),
        Command("reject", tr("Reject: the map is right"), "R", topic),
        Command("unsure", tr("Unsure"), "U", topic),
        *classes,
        Command("class_menu", tr("Another class…"), "C", topic),
        Command("undo", tr("Undo"), "Ctrl+Z", topic),
        Command("redo", tr("Redo"), "Ctrl+Shift+Z", topic),
    ]


def _moving() -> list[Command]:
    topic = Topic.MOVE
    return [
        Command("skip", tr("Skip for now"), "S", topic),
        Command("next_undecided", tr("Next undecided"), "N", topic),
        Command("previous", tr("Previous"), "P", topic),
    ]


def _looking() -> list[Command]:
    topic = Topic.LOOK
    experts = [
        Command(expert(n), tr("Expert {}").format(n), f"Ctrl+{n}", topic) for n in range(1, N_EXPERT_KEYS + 1)
    ]
    return [
        Command("orthophoto", tr("Orthophoto"), "O", topic),
        Command("map", tr("Map"), "M", topic),
        *experts,
        Command("next_expert", tr("Next expert"), "X", topic),
        Command("evidence", tr("Evidence"), "E", topic),
        Command("hillshade", tr("Hillshade"), "H", topic),
        Command("flicker", tr("Change between the last two layers"), "F", topic),
        Command("blink", tr("Change between them by itself, on and off"), "Shift+F", topic),
        Command("highlight", tr("Outline on and off"), "L", topic),
        Command("recentre", tr("Back to the candidate"), "Z", topic),
        Command("keep_scale", tr("Keep the scale, on and off"), "Shift+Z", topic),
        Command("second_map", tr("Second map, on and off"), "W", topic),
    ]


def _more() -> list[Command]:
    topic = Topic.MORE
    return [
        Command("note", tr("Write a note"), "T", topic),
        Command("draw", tr("Draw the outline, and stop drawing"), "D", topic),
        Command("key_list", tr("List of keys"), "K", topic),
    ]
