"""Reports as one HTML page that needs nothing else: text, tables and plots inside, fit for light and dark
screens. What a report says lives with what it reports on.
"""

import html
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

#: Colours that stand out on white and on black alike.
PALETTE = ("#2f7fd1", "#d9772b", "#2a9d78", "#b05cc6", "#8a8f98", "#c9414b")
#: Stands for the page's text colour until a plot is on the page, whatever its theme.
INK = "#010203"
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --paper: #ffffff; --faint: #5c6570; --line: #d8dde3;
  --card: #f5f7f9; --accent: #2f7fd1; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --paper: #15181c; --faint: #9aa4b0;
  --line: #343b44; --card: #1d2227; --accent: #6aa9ea; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p { max-width: 46rem; margin: .5rem 0; }
.subtitle, figcaption, caption, footer { color: var(--faint); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem .9rem; }
.facts dt { color: var(--faint); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.3rem; font-weight: 600; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; font-size: .9rem; }
th, td { padding: .3rem .7rem; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--faint); font-weight: 600; font-size: .85rem; vertical-align: bottom; }
td.number, th.number { text-align: right; }
tr.strong td { font-weight: 700; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .45em; border-radius: .15em;
  border: 1px solid var(--line); vertical-align: -.05em; }
figure { margin: 1.25rem 0; max-width: 46rem; }
figure svg { width: 100%; height: auto; display: block; color: var(--ink); }
figcaption { font-size: .9rem; margin-top: .25rem; }
footer { margin-top: 3rem; font-size: .85rem; }
@media print { :root { --ink: #000; --paper: #fff; } h2 { break-after: avoid; }
  figure { break-inside: avoid; } }
"""


class Percent(float):
    """A number of percent, which is shown with one digit however small it is."""

    def __str__(self) -> str:
        return f"{self:.1f}"


class Heat(Percent):
    """A number of percent whose cell is the darker the larger it is."""


class Swatch(str):
    """A text with a square of a colour (`#rrggbb`) before it, or with none where the colour is empty."""

    color: str

    def __new__(cls, text: str, color: str = "") -> "Swatch":
        """Return the text with its colour."""
        made = super().__new__(cls, text)
        made.color = color
        return made


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells; numbers are set right, None and NaN as a dash. `strong` are the numbers of rows to
    stress.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Plot:
    """An SVG picture as `plot_lines`, `plot_bars` or `plot_dots` draw it, and what it shows, in words."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: Sequence[Text | Table | Plot]


@dataclass(frozen=True)
class Page:
    """A report. `facts` are its few main numbers by name, set large at the top."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    facts: dict[str, Any] = field(default_factory=dict)
    footer: str = ""


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a plot: `x` and `y` `[n]`; `band` `[n]` is shaded above and below it.

    `marked` draws a dot at every point, `dashed` is for what only serves comparison, `notes` stand beside
    the points.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    band: ArrayLike | None = None
    marked: bool = False
    dashed: bool = False
    notes: Sequence[str] = ()


def render_page(page: Page) -> str:
    """Return the page as HTML: no script, and nothing is fetched from anywhere."""
    facts = "".join(
        f"<div><dt>{_escaped(name)}</dt><dd>{_escaped(shown(value))}</dd></div>"
        for name, value in page.facts.items()
    )
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_escaped(page.title)}</title><style>{_STYLE}</style></head><body><main>",
        f'<h1>{_escaped(page.title)}</h1><p class="subtitle">{_escaped(page.subtitle)}</p>',
        f'<dl class="facts">{facts}</dl>' if facts else "",
    ]
    for section in page.sections:
        parts.append(f"<section><h2>{_escaped(section.title)}</h2>")
        parts.extend(_block(block) for block in section.blocks)
        parts.append("</section>")
    parts.append(f"<footer>{_escaped(page.footer)}</footer></main></body></html>")
    return "\n".join(part for part in parts if part) + "\n"


def plot_lines(
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    x_limits: tuple[float, float] | None = None,
    y_limits: tuple[float, float] | None = None,
    log_x: bool = False,
) -> str:
    """Return a plot of lines as SVG; the same input gives the same bytes."""

    def draw(axes: Any) -> None:
        for index, line in enumerate(lines):
            color = PALETTE[index % len(PALETTE)]
            x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
            style: dict[str, Any] = {"linestyle": "--"} if line.dashed else {}
            if line.marked:
                style |= {"marker": "o", "markersize": 4.5}
            axes.plot(x, y, color=color, label=line.name, linewidth=1.8, **style)
            if line.band is not None:
                band = np.asarray(line.band, np.float64)
                axes.fill_between(x, y - band, y + band, color=color, alpha=0.18, linewidth=0)
            for note, px, py in zip(line.notes, x, y, strict=False):
                axes.annotate(note, (px, py), xytext=(5, 4), textcoords="offset points", fontsize=8)
        if log_x:
            axes.set_xscale("log")
        axes.set_xlim(x_limits)
        axes.set_ylim(y_limits)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize=9, labelcolor=INK)

    return draw_svg(draw, (7.2, 4.2), x_label, y_label)


def plot_bars(names: Sequence[str], values: ArrayLike, *, x_label: str) -> str:
    """Return a plot of horizontal bars as SVG, the first name on top."""
    lengths = np.asarray(values, np.float64)

    def draw(axes: Any) -> None:
        places = np.arange(len(names))
        axes.barh(places, lengths, color=PALETTE[0], height=0.7)
        axes.set_yticks(places, names, fontsize=9)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")

    return draw_svg(draw, (7.2, 0.6 + 0.27 * max(3, len(names))), x_label, "")


def shown(value: Any) -> str:
    """Return a cell's text: numbers with as many digits as are worth reading, nothing known as a dash."""
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}".replace(",", "\u202f")
    if isinstance(value, float | np.floating) and not isinstance(value, Percent):
        number = float(value)
        if math.isinf(number):
            return "∞" if number > 0 else "-∞"
        return f"{number:.3f}" if abs(number) < 10 else f"{number:,.1f}".replace(",", "\u202f")
    return str(value)


def _block(block: Text | Table | Plot) -> str:
    if isinstance(block, Text):
        return f"<p>{_escaped(block.text)}</p>"
    if isinstance(block, Plot):
        label = _escaped(block.caption)
        picture = block.svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
        return f"<figure>{picture}<figcaption>{label}</figcaption></figure>"
    return _table(block)


def _table(table: Table) -> str:
    numeric = [
        any(_is_number(row[i]) for row in table.rows)
        and all(row[i] is None or _is_number(row[i]) for row in table.rows)
        for i in range(len(table.columns))
    ]
    css = [' class="number"' if number else "" for number in numeric]
    head = "".join(
        f'<th scope="col"{c}>{_escaped(name)}</th>' for c, name in zip(css, table.columns, strict=True)
    )
    lines = []
    for index, row in enumerate(table.rows):
        cells = "".join(_cell(value, c) for c, value in zip(css, row, strict=True))
        strong = ' class="strong"' if index in table.strong else ""
        lines.append(f"<tr{strong}>{cells}</tr>")
    caption = f"<caption>{_escaped(table.caption)}</caption>" if table.caption else ""
    body = "\n".join(lines)
    parts = caption, f"<thead><tr>{head}</tr></thead>", f"<tbody>\n{body}\n</tbody>"
    return f'<div class="scroll"><table>{"".join(parts)}</table></div>'


def _cell(value: Any, css: str) -> str:
    text = _escaped(shown(value))
    if isinstance(value, Swatch) and value.color:
        text = f'<i class="swatch" style="background:{_escaped(value.color)}"></i>{text}'
    if isinstance(value, Heat) and value > 0:
        css += f' style="background:rgb(47 127 209 / {min(float(value), 100) * 0.007:.3f})"'
    return f"<td{css}>{text}</td>"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)


def draw_svg(draw: Callable[[Any], None], size: tuple[float, float], x_label: str, y_label: str) -> str:
    """Draw axes and what `draw` adds to them; return the SVG with the page's text colour.

    Args:
        size: width and height in inches; the page stretches the plot to its own width.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ink = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color"), INK)
    settings: Any = {
        **ink,
        "ytick.color": INK,
        "svg.fonttype": "none",  # text stays text, in the page's font
        "svg.hashsalt": "mce",
        "font.family": "sans-serif",
        "font.size": 10,
    }
    with mpl.rc_context(settings):
        figure = Figure(size, layout="constrained")
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, color=PALETTE[4], alpha=0.25, linewidth=0.7)
        axes.set_axisbelow(True)
        draw(axes)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return _inline(buffer.getvalue())


def _inline(svg: str) -> str:
    """Return the element alone, without document type and metadata, its ids unlike those of other plots."""
    svg = svg[svg.index("<svg ") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace(INK, "currentColor")
    prefix = f"p{_fingerprint(svg)}-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    return re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)


def _fingerprint(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


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
