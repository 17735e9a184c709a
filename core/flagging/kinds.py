"""The kinds of candidates: places of a rare class that the map missed, and places where it may be false."""

from typing import Literal, get_args

Kind = Literal["missed", "doubtful"]
#: Segments of the ML rule that share no pixel with the map's of the class.
MISSED: Kind = "missed"
#: Segments that the map itself gives to the class.
DOUBTFUL: Kind = "doubtful"
KINDS: tuple[Kind, ...] = get_args(Kind)
