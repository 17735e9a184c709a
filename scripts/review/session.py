#!/usr/bin/env python3
"""A review in a real QGIS window by keyboard alone: 50 candidates, with undo, redo, reclassifying, a note, a
drawn outline and a restart in between. Checks the log row by row, measures the time from each key to the next
drawn view, and takes the pictures of the help page.

    python scripts/review/session.py OUT [--pictures resources/help] [--n 50] [--think 0.5]

OUT gets the embedded scene, its map and candidates (made once), and session.json.
"""

import argparse
import json
import sqlite3
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path

from window import Event, Screen, SessionError, Window

from scene import fresh_copy, make_candidates

Row = tuple[str, int | None, str]
#: Keys in turn, and what they write; a digit is the id of a class in the embedded model.
DECISIONS = ("a", "r", "a", "u", "7", "a", "r", "1", "a", "a")
VERDICTS = {"a": "accept", "r": "reject", "u": "unsure"}
NOTE = "boulder field 12 a r u, sure"


class Reviewer:
    """Presses keys, waits for what they do, and keeps what the log must hold."""

    def __init__(self, window: Window, file: Path, think: float) -> None:
        self.window, self.file, self.think = window, file, think
        self.expected: list[Row] = []
        self.milliseconds: dict[str, list[float]] = {"decide": [], "look": []}
        with closing(sqlite3.connect(file)) as database:
            self.classes = dict(database.execute("SELECT uuid, class_id FROM candidates"))

    @property
    def current(self) -> str:
        """The candidate in the dock."""
        return next(e["candidate"] for e in reversed(self.window.poll()) if e["event"] == "current")

    def press(self, *keys: str) -> int:
        """Look for a while, press, and return how many events there were before."""
        time.sleep(self.think)
        at = len(self.window.poll())
        self.window.key(*keys)
        return at

    def decide(self, *keys: str, class_id: int | None = None) -> None:
        """Press keys that decide, and wait for the next view."""
        candidate, verdict = self.current, VERDICTS.get(keys[-1], "reclassify")
        if keys[-1].isdigit():
            class_id = int(keys[-1])
        if verdict == "reclassify" and class_id == self.classes[candidate]:
            verdict, class_id = "accept", None  # it is what was flagged
        self.expected.append((verdict, class_id, candidate))
        at = self.press(*keys)
        self._drawn("decide", self.window.wait_for(lambda e: e["event"] == "decided", at), at)

    def undo(self) -> None:
        """Take the last decision back."""
        at = self.press("ctrl+z")
        row = self.window.wait_for(lambda e: e["event"] == "decided", at)
        self.expected.append(("undo", None, row["candidate"]))

    def redo(self, row: Row) -> None:
        """Make a decision again."""
        at = self.press("ctrl+shift+z")
        self.window.wait_for(lambda e: e["event"] == "decided", at)
        self.expected.append(row)

    def look(self, key: str, shown: str) -> None:
        """Switch a layer and wait until it is drawn."""
        at = self.press(key)
        self._drawn("look", self.window.wait_for(lambda e: e["event"] == "key", at), at)
        require(self.window.state()["shown"] == shown, f"{key} does not show {shown}")

    def move(self, key: str) -> None:
        """Go elsewhere without deciding."""
        before = self.current
        at = self.press(key)
        self.window.wait_for(lambda e: e["event"] == "current" and e["candidate"] != before, at)

    def check_log(self) -> None:
        """Require that the file holds what was decided, row by row."""
        with closing(sqlite3.connect(self.file)) as database:
            rows = database.execute(
                "SELECT decision, class_id, candidate FROM decisions ORDER BY id"
            ).fetchall()
        require(rows == self.expected, f"the log holds {rows}, not {self.expected}")

    def n_decided(self) -> int:
        """Return how many candidates have a decision that counts, as the file's own view has it."""
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute("SELECT count(*) FROM review WHERE state <> 'undecided'").fetchone()[0]

    def _drawn(self, kind: str, after: Event, at: int) -> None:
        view = self.window.wait_for(lambda e: e["event"] == "drawn" and e["time"] > after["time"], at)
        keys = [e for e in self.window.events[at:] if e["event"] == "key" and e["time"] < view["time"]]
        self.milliseconds[kind].append(1000 * (view["time"] - keys[-1]["time"]))


def require(true: bool, sentence: str) -> None:
    """Stop with a sentence unless something is so."""
    if not true:
        raise SessionError(f"The session went wrong: {sentence}.")


def compare_layers(reviewer: Reviewer) -> None:
    """Look at every layer of the run."""
    reviewer.look("m", "map")
    for number in (1, 2, 3):
        reviewer.look(f"ctrl+{number}", f"expert_{number}")
    reviewer.look("e", "evidence")
    reviewer.look("h", "hillshade")
    reviewer.look("f", "evidence")
    reviewer.look("o", "orthophoto")


def write_note(reviewer: Reviewer) -> None:
    """Write a note whose letters are keys, and see that none of them decides."""
    reviewer.press("t")
    reviewer.window.type(NOTE)
    time.sleep(reviewer.think)
    state = reviewer.window.state()
    require(state["note"] == NOTE and state["focus"] == "NoteField", f"the note is {state['note']!r}")
    reviewer.check_log()
    reviewer.window.key("Escape")


def take_back(reviewer: Reviewer) -> None:
    """Undo two decisions and make them again."""
    last, before = reviewer.expected[-1], reviewer.expected[-2]
    reviewer.undo()
    reviewer.undo()
    reviewer.redo(before)
    reviewer.redo(last)


def draw(reviewer: Reviewer, picture: str | None) -> None:
    """Take the outline into the vertex tool, and accept what is there."""
    reviewer.press("d")
    require(reviewer.window.state()["drawing"], "D does not begin to draw")
    if picture:
        reviewer.window.command(f"picture {picture}")
    reviewer.decide("a")
    require(not reviewer.window.state()["drawing"], "the drawing did not end with the decision")


def review(screen: Screen, out: Path, file: Path, options: argparse.Namespace) -> Reviewer:
    """Do the whole session."""
    pictures: Path | None = options.pictures
    folder, half = out / "session", options.n // 2

    def picture(name: str) -> str | None:
        return str((pictures / f"{name}.webp").absolute()) if pictures else None

    def take(name: str) -> None:
        if pictures:
            reviewer.window.command(f"picture {picture(name)}")

    reviewer = Reviewer(Window(screen, folder, file), file, options.think)
    try:
        reviewer.window.wait_ready()
        take("review_window")
        steps = {
            half - 15: lambda: take_back(reviewer),
            half - 13: lambda: (reviewer.move("s"), reviewer.move("p")),
            half - 10: lambda: compare_layers(reviewer),
            half - 5: lambda: write_note(reviewer),
        }
        for number in range(half):
            steps.get(number, lambda: None)()
            reviewer.decide(DECISIONS[number % len(DECISIONS)])
        reviewer.check_log()
        stopped_at = reviewer.current
        reviewer.window.quit()

        reviewer.window = Window(screen, folder, file)
        ready = reviewer.window.wait_ready()
        require(ready["decided"] == half, f"{ready['decided']} are decided after the restart, not {half}")
        require(reviewer.current == stopped_at, "the restart goes on elsewhere")
        classes = sorted(c["id"] for c in run_of(file)["map_classes"])
        steps = {
            half + 3: lambda: reviewer.decide("c", "Down", "Down", "Return", class_id=classes[2]),
            half + 6: lambda: draw(reviewer, picture("review_drawing")),
            half + 9: lambda: take_back(reviewer),
        }
        while reviewer.n_decided() < options.n:
            steps.pop(reviewer.n_decided(), lambda: None)()
            reviewer.decide(DECISIONS[reviewer.n_decided() % len(DECISIONS)])
        reviewer.check_log()
        reviewer.look("ctrl+3", "expert_3")
        take("review_expert")
        reviewer.look("o", "orthophoto")
        reviewer.press("w")
        time.sleep(1)
        take("review_second_map")
        reviewer.window.quit()
    finally:
        if reviewer.window.process.poll() is None:
            reviewer.window.kill()
    return reviewer


def run_of(file: Path) -> dict:
    """Return what the file says of its run."""
    with closing(sqlite3.connect(file)) as database:
        return {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM run")}


def summary(reviewer: Reviewer) -> dict[str, object]:
    """Return counts and times."""
    times = {
        kind: {
            "n": len(values),
            "median_ms": round(statistics.median(values)),
            "p90_ms": round(statistics.quantiles(values, n=10)[-1]),
            "max_ms": round(max(values)),
        }
        for kind, values in reviewer.milliseconds.items()
    }
    return {"n_decided": reviewer.n_decided(), "n_rows": len(reviewer.expected), "key_to_view": times}


def main() -> None:
    """Run the session and print what it measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of the help page")
    parser.add_argument("--n", type=int, default=50, help="candidates to decide on, 40 or more")
    parser.add_argument("--think", type=float, default=0.5, help="seconds to look at a candidate")
    options = parser.parse_args()
    try:
        master = make_candidates(options.out)
        with Screen() as screen:
            reviewer = review(screen, options.out, fresh_copy(master, "session.gpkg"), options)
    except SessionError as error:
        sys.exit(f"error: {error}")
    said = json.dumps(summary(reviewer), indent=1)
    (options.out / "session.json").write_text(said + "\n", encoding="utf-8")
    sys.stdout.write(said + "\n")


if __name__ == "__main__":
    main()
