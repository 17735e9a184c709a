#!/usr/bin/env python3
"""Kills QGIS with SIGKILL at random moments of a review, again and again on the same file, and requires that
no decision that was shown as made is lost, that the file opens, and that the log replays to the same state.

    python scripts/review/kill.py OUT [--rounds 50] [--seed 1]

OUT is that of `session.py`, and gets kill.json. A round takes some 8 s.
"""

import argparse
import json
import random
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from window import Screen, SessionError, Window

from scene import fresh_copy, make_candidates

#: What is pressed: decisions mostly, and ways back.
KEYS = ("a", "r", "u", "7", "1", "ctrl+z", "ctrl+shift+z", "s", "p", "m", "o")
VERDICTS = ("accept", "reject", "reclassify", "unsure")


def one_round(screen: Screen, folder: Path, file: Path, dice: random.Random) -> list[str]:
    """Review in a fresh QGIS until it is killed; return the uuids of the rows that were shown as made."""
    window = Window(screen, folder, file)
    try:
        window.wait_ready()
        end = time.monotonic() + dice.uniform(0.05, 2.5)
        while time.monotonic() < end:
            window.key(*dice.choices(KEYS, weights=(8, 8, 3, 3, 3, 3, 2, 1, 1, 1, 1), k=dice.randint(1, 4)))
        time.sleep(dice.random() * 0.1)
    finally:
        window.kill()
    return [event["uuid"] for event in window.poll() if event["event"] == "decided"]


def check(file: Path, shown: list[str]) -> int:
    """Require that every row that was shown is in the file, and that the view agrees with the log."""
    with closing(sqlite3.connect(file)) as database:
        if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise SessionError("the file is damaged")
        rows = database.execute(
            "SELECT uuid, candidate, decision, undoes FROM decisions ORDER BY id"
        ).fetchall()
        states = dict(database.execute("SELECT uuid, decision_uuid FROM review"))
    lost = [uuid for uuid in shown if uuid not in {row[0] for row in rows}]
    if lost:
        raise SessionError(f"{len(lost)} decisions that were shown as made are lost: {lost[:3]}")
    undone = {row[3] for row in rows if row[2] == "undo"}
    counting = {row[1]: row[0] for row in rows if row[2] in VERDICTS and row[0] not in undone}
    if {uuid: made for uuid, made in states.items() if made} != counting:
        raise SessionError("the view does not say what the log does")
    return len(rows)


def main() -> None:
    """Kill, check, repeat."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice, shown, n_rows = random.Random(options.seed), [], 0
    try:
        file = fresh_copy(make_candidates(options.out), "kill.gpkg")
        with Screen() as screen:
            for number in range(1, options.rounds + 1):
                shown += one_round(screen, options.out / "kill", file, dice)
                n_rows = check(file, shown)
                sys.stdout.write(f"{number}: {len(shown)} rows shown as made, {n_rows} in the file\n")
                sys.stdout.flush()
    except SessionError as error:
        sys.exit(f"error: {error}")
    said = {"rounds": options.rounds, "seed": options.seed, "shown": len(shown), "in_file": n_rows, "lost": 0}
    (options.out / "kill.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
