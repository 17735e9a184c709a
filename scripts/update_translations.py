#!/usr/bin/env python3
"""Collects the texts of the plugin into `resources/i18n/*.ts`, for Qt Linguist and `lrelease`.

Without arguments it refreshes every file there; `update_translations.py de` starts one for German. What is
translated stays. The texts are the literals in `tr(...)`. Standard library only.
"""

import ast
import sys
import xml.etree.ElementTree as Xml
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "resources" / "i18n"
CONTEXT = "MceLandCover"


def texts() -> Iterator[tuple[str, str]]:
    """Yield `(text, file)` of every `tr("...")`, each text once."""
    seen = set()
    for file in sorted((ROOT / "plugin").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr"):
                continue
            (text,) = node.args
            if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
                raise SystemExit(f"{file}:{node.lineno}: tr() takes one text as it is, nothing computed")
            if text.value not in seen:
                seen.add(text.value)
                yield text.value, file.relative_to(ROOT).as_posix()


def translated(file: Path) -> dict[str, str]:
    """Return text -> translation of what a file holds already."""
    if not file.is_file():
        return {}
    messages = Xml.parse(file).getroot().iter("message")
    return {m.findtext("source", ""): m.findtext("translation", "") for m in messages}


def write(file: Path, language: str) -> None:
    """Write the texts with the translations that are known."""
    known = translated(file)
    root = Xml.Element(
        "TS", version="2.1", sourcelanguage="en", **({"language": language} if language else {})
    )
    context = Xml.SubElement(root, "context")
    Xml.SubElement(context, "name").text = CONTEXT
    for text, source in texts():
        message = Xml.SubElement(context, "message")
        Xml.SubElement(message, "location", filename=f"../../{source}")
        Xml.SubElement(message, "source").text = text
        translation = Xml.SubElement(message, "translation")
        translation.text = known.get(text) or None
        if not translation.text:
            translation.set("type", "unfinished")
    Xml.indent(root, " ")
    body = Xml.tostring(root, encoding="unicode")
    file.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8")


def main(languages: list[str]) -> None:
    """Write the template and one file per language."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    write(FOLDER / "mce_landcover.ts", "")
    there = [file.stem.removeprefix("mce_landcover_") for file in FOLDER.glob("mce_landcover_*.ts")]
    for language in sorted({*languages, *there}):
        write(FOLDER / f"mce_landcover_{language}.ts", language)


if __name__ == "__main__":
    main(sys.argv[1:])
