"""Decides without end in children of its own and kills each with SIGKILL at a random moment; prints as JSON
what every child had told before: the decisions that were shown as made. With 0 kills, three children decide
at once and end by themselves. Run by `test_review_kill.py`.
"""

import json
import math
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from mce_landcover.plugin.review.records import Verdict
from mce_landcover.plugin.review.session import ReviewSession
from mce_landcover.plugin.review.store import ReviewStore


def review(path: Path, told: int, seed: int, n_rows: float = math.inf) -> None:
    """Accept, reject, reclassify, undo and redo at random; tell each row's uuid once the call returned."""
    dice = random.Random(seed)
    session = ReviewSession(ReviewStore.open(path, f"user {seed}"))
    while n_rows > 0:
        act = dice.choice(["accept", "reject", "reclassify", "undo", "redo", "next"])
        if act == "undo":
            row = session.undo()
        elif act == "redo":
            row = session.redo()
        elif act == "next":
            session.skip()
            row = None
        else:
            class_id = 7 if act == "reclassify" else None
            row = session.decide(Verdict(act), class_id=class_id, comment="x" * dice.randrange(9000))
        if row is not None:
            os.write(told, row.uuid.encode() + b"\n")
            n_rows -= 1


def kill_one(path: Path, seed: int, dice: random.Random) -> list[str]:
    """Let a child decide, kill it somewhere between two moments, and return what it told."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            review(path, writing, seed)
        finally:
            os._exit(1)
    os.close(writing)
    text = b""
    # Only once it decides, so that no round is spent on opening the file alone; then anywhere.
    n_rows = dice.randrange(0, 8)
    while text.count(b"\n") < n_rows:
        piece = os.read(reading, 4096)
        if not piece:
            raise SystemExit(f"child {seed} ended by itself")
        text += piece
    end = time.monotonic() + dice.random() * 0.02
    while (left := end - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0]:
            text += os.read(reading, 4096)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while piece := os.read(reading, 4096):
        text += piece
    os.close(reading)
    return text.decode().split()


def side_by_side(path: Path) -> list[list[str]]:
    """Let three children decide at once, and return what each told."""
    children = []
    for seed in range(3):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                review(path, writing, seed, n_rows=12)
                failed = 0
            finally:
                os._exit(failed)
        os.close(writing)
        children.append((child, reading))
    told = []
    for child, reading in children:
        with os.fdopen(reading) as lines:
            told.append(lines.read().split())
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"child {child} failed")
    return told


if __name__ == "__main__":
    chance = random.Random(int(sys.argv[3]))
    file, n_kills = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps([kill_one(file, i, chance) for i in range(n_kills)] or side_by_side(file)))
