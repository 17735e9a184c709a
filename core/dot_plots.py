"""Plots of one row per class with a dot per series, for reports: how far apart they are is seen at a glance.
Pages and other plots live in `html_report.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .html_report import INK, PALETTE, draw_svg

_MARKERS = ("o", "D", "s", "^", "v", "P")


@dataclass(frozen=True, eq=False)
class Dots:
    """One series: a value per row `[n]`, NaN for none, and what lies on either side of it `[n]`.

    One that is `hollow` is drawn as rings, through which other dots are seen.
    """

    name: str
    values: ArrayLike
    half_width: ArrayLike | None = None
    color: str = ""
    hollow: bool = False


def plot_dots(
    names: Sequence[str],
    series: Sequence[Dots],
    *,
    x_label: str,
    x_limits: tuple[float, float] | None = None,
    log_x: bool = False,
) -> str:
    """Return a plot of dots as SVG, the first name on top; a line joins the dots of a row.

    Series with intervals stand a little apart, so that these do not hide each other.
    """
    values = np.array([np.asarray(s.values, np.float64) for s in series]).reshape(len(series), len(names))
    rows = np.arange(len(names))
    spread = 0.12 if any(s.half_width is not None for s in series) else 0.0
    shifts = spread * (2 * np.arange(len(series)) - (len(series) - 1))

    def draw(axes: Any) -> None:
        some = np.isfinite(values).any(axis=0)
        low = np.nanmin(np.where(some, values, 0), axis=0)
        high = np.nanmax(np.where(some, values, 0), axis=0)
        if not spread:
            axes.hlines(rows[some], low[some], high[some], color=PALETTE[4], linewidth=2.5, alpha=0.45)
        for index, (one, shift) in enumerate(zip(series, shifts, strict=True)):
            axes.errorbar(
                values[index],
                rows + shift,
                xerr=None if one.half_width is None else np.asarray(one.half_width, np.float64),
                fmt="o" if one.hollow else _MARKERS[index % len(_MARKERS)],
                color=one.color or PALETTE[index % len(PALETTE)],
                markersize=10 if one.hollow else 5.5,
                fillstyle="none" if one.hollow else "full",
                elinewidth=1.6,
                label=one.name,
            )
        axes.set_yticks(rows, names, fontsize=9)
        axes.set_ylim(len(names) - 0.4, -0.6)
        if log_x:
            axes.set_xscale("log", nonpositive="clip")
        axes.set_xlim(x_limits)
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1)}
        axes.legend(frameon=False, fontsize=9, labelcolor=INK, ncols=3, **place)

    height = 0.9 + 0.2 * (len(series) // 4) + 0.3 * max(3, len(names))
    return draw_svg(draw, (7.2, height), x_label, "")
