#!/usr/bin/env python3
"""Writes what the jobs take to `resources/jobs.json`: the plugin has its defaults, bounds and choices there.

Run it with `make jobs` after a job's request has changed. With `--check` nothing is written: it fails if the
file is not current.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mce_landcover.service.jobs import JOB_TABLE

FILE = Path(__file__).resolve().parents[1] / "resources" / "jobs.json"
STALE = "resources/jobs.json is not what the jobs take now: run `make jobs` and commit the file."
BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
}


def text() -> str:
    """Return the whole file: one line per field, jobs and fields in order of their names."""
    jobs = []
    for name in sorted(JOB_TABLE):
        fields = [f"  {json.dumps(key)}: {json.dumps(facts)}" for key, facts in sorted(job(name).items())]
        inside = "\n" + ",\n".join(fields) + "\n " if fields else ""
        jobs.append(f"{json.dumps(name)}: {{{inside}}}")
    return "{\n " + ",\n ".join(jobs) + "\n}\n"


def job(name: str) -> dict[str, dict[str, Any]]:
    """Return field -> what is known of it."""
    schema = JOB_TABLE[name].request.model_json_schema()
    required = schema.get("required", ())
    return {
        key: {"required": True, **facts(field)} if key in required else facts(field)
        for key, field in schema["properties"].items()
    }


def facts(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return type, default, bounds and choices of a field, as far as there are any.

    `above` and `below` are bounds that are not allowed themselves.
    """
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    found: dict[str, Any] = {"type": kinds[0]["type"]}
    if schema.get("default") is not None:
        found["default"] = schema["default"]
    found |= {ours: kinds[0][theirs] for theirs, ours in BOUNDS.items() if theirs in kinds[0]}
    options = choices(schema) or schema.get("choices")
    return {**found, "choices": options} if options else found


def choices(schema: Mapping[str, Any]) -> list[str]:
    """Return the words that a schema allows, in the order in which they are declared."""
    if "anyOf" in schema:
        return [word for kind in schema["anyOf"] for word in choices(kind)]
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def main(arguments: list[str]) -> None:
    """Write the file, or say that it is not current."""
    if arguments != ["--check"]:
        FILE.write_text(text(), encoding="utf-8", newline="\n")
    elif not FILE.is_file() or FILE.read_text(encoding="utf-8") != text():
        raise SystemExit(STALE)


if __name__ == "__main__":
    main(sys.argv[1:])
