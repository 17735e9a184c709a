"""A report as one HTML page that needs nothing else, fit for light and dark screens and for paper. What it
says lives in `report.py`.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --faint: #7a828c; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { line-height: 1.2; margin-bottom: 0; }
h2 { margin-top: 2.25rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.25rem; }
p { max-width: 46rem; }
.faint, caption, dt, th { color: var(--faint); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; }
dl div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .8rem; }
dt { font-size: .85rem; } dd { margin: 0; font-size: 1.25rem; font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
caption { text-align: left; padding-bottom: .4rem; font-size: .9rem; }
th, td { padding: .3rem .7rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-size: .85rem; } .number { text-align: right; white-space: nowrap; } td.same { font-weight: 700; }
td:first-child { white-space: nowrap; }
svg { display: block; width: 8rem; height: .9rem; border-radius: .2rem; }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; margin: 0 .3rem 0 .9rem; }
@media print { h2 { break-after: avoid; } table { break-inside: avoid; } }
"""
#: Colours of the states, as in the style of the layer `review`.
COLOURS = {"accept": "#1a9850", "reject": "#969696", "reclassify": "#3182bd", "unsure": "#f46d43"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def render(title: str, subtitle: str, facts: Mapping[str, object], sections: Iterable[str]) -> str:
    """Return the page: no script, and nothing is fetched from anywhere."""
    shown = "".join(f"<div><dt>{escaped(k)}</dt><dd>{cell(v)}</dd></div>" for k, v in facts.items())
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escaped(title)}</title><style>{_STYLE}</style></head><body>",
            f'<h1>{escaped(title)}</h1><p class="faint">{escaped(subtitle)}</p><dl>{shown}</dl>',
            *sections,
            "</body></html>\n",
        ]
    )


def section(title: str, *blocks: str) -> str:
    """Return a heading and what stands under it."""
    return "\n".join([f"<section><h2>{escaped(title)}</h2>", *blocks, "</section>"])


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escaped(text)}</p>"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table; numbers are set right, None is a dash."""
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in columns)
    lines = ["".join(_td(value) for value in row) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    above = f"<caption>{escaped(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide"><table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def bar(parts: Mapping[str, int], label: str) -> Markup:
    """Return a bar of the shares of the states; `label` says it in words."""
    total = sum(parts.values())
    if not total:
        return Markup("")
    left, pieces = 0.0, []
    for state, n in parts.items():
        width = 100 * n / total
        pieces.append(
            f'<rect x="{left:.2f}" width="{width:.2f}" height="10" fill="{COLOURS[state]}"/>' if n else ""
        )
        left += width
    return Markup(
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{escaped(label)}">'
        f"{''.join(pieces)}</svg>"
    )


def legend(names: Mapping[str, str]) -> str:
    """Return what the colours of a bar mean."""
    keys = (
        f'<span class="key" style="background:{COLOURS[state]}"></span>{escaped(name)}'
        for state, name in names.items()
    )
    return f"<p>{''.join(keys)}</p>"


def percent(share: float | None) -> str | None:
    """Return a share as percent with one digit."""
    return None if share is None else f"{100 * share:.1f}\u00a0%"


def escaped(text: str) -> str:
    """Return a text without anything that HTML would read."""
    return html.escape(text, quote=True)


def cell(value: object) -> str:
    """Return a value as HTML."""
    if value is None:
        return "–"
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    return escaped(str(value))


def _td(value: object) -> str:
    percentage = isinstance(value, str) and value.endswith("\u00a0%")
    number = value is None or isinstance(value, (int, float)) or percentage
    return f'<td class="number">{cell(value)}</td>' if number else f"<td>{cell(value)}</td>"
