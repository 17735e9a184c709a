"""Turns a help text in Markdown into the simple HTML that Processing shows.

Only what our help texts use: headings, paragraphs, lists, bold, code, links and pictures. Qt's own converter
adds fonts and sizes that do not fit the help panel, nor the text that `qgis_process` prints.
"""

from __future__ import annotations

import html
import re

from .paths import RESOURCES


def help_html(algorithm_id: str) -> str:
    """Return the help of an algorithm, from `resources/help/<id>.md`."""
    return markdown_to_html((RESOURCES / "help" / f"{algorithm_id}.md").read_text(encoding="utf-8"))


def markdown_to_html(text: str) -> str:
    """Return the HTML of blocks that are separated by empty lines.

    A first block that is nothing but a title is left out: QGIS shows the title itself.
    """
    blocks = re.split(r"\n\s*\n", re.sub(r"\A# .*\n\s*\n", "", text).strip())
    return "\n".join(_block(block.splitlines()) for block in blocks if block.strip())


def _block(lines: list[str]) -> str:
    heading = re.match(r"(#+) +(.*)", lines[0])
    if heading:
        level = min(len(heading[1]) + 1, 4)
        rest = lines[1:]
        return f"<h{level}>{_inline(heading[2])}</h{level}>" + ("\n" + _block(rest) if rest else "")
    if lines[0].startswith("- "):
        items = re.split(r"(?:^|\n)- ", "\n".join(lines))[1:]
        return "<ul>" + "".join(f"<li>{_inline(' '.join(item.split()))}</li>" for item in items) + "</ul>"
    return f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"


def _inline(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
    text = re.sub(r"!\[([^\]]*)\]\(([^)]+)\)", r'<img src="\2" alt="\1" width="640">', text)
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', text)
