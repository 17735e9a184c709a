"""Milliseconds that the review of 100,000 candidates takes to open, to filter, to order and to go on, best
and worst of several rounds, half of the candidates decided; CPU time is disturbed less by what else runs.
With QGIS's Python:
    QT_QPA_PLATFORM=offscreen python tests/bench/review.py [--n 100000]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "qgis"))

from mce_landcover.plugin.review.first_look import first_look
from mce_landcover.plugin.review.order import Filter, Order
from mce_landcover.plugin.review.records import Verdict
from mce_landcover.plugin.review.session import ReviewSession
from mce_landcover.plugin.review.store import ReviewStore
from qgis.core import QgsApplication
from review_files import SOUTH, WEST, make_file


def timed(name: str, action: Callable[[], Any], rounds: int = 5) -> Any:
    wall, processor = [], []
    for _ in range(rounds):
        starts = time.perf_counter(), time.process_time()
        result = action()
        wall.append(1000 * (time.perf_counter() - starts[0]))
        processor.append(1000 * (time.process_time() - starts[1]))
    print(
        f"{name:26} {min(wall):8.1f} to {max(wall):8.1f} ms, "
        f"CPU {min(processor):8.1f} to {max(processor):8.1f} ms"
    )
    return result


def fill_log(path: Path, n: int) -> None:
    """Decide on every other candidate, in one transaction."""
    import sqlite3

    from review_files import name_of

    with sqlite3.connect(path) as database:
        rows = ((f"d{i}", name_of(i), "reject" if i % 3 else "accept") for i in range(0, n, 2))
        database.executemany(
            "INSERT INTO decisions (uuid, candidate, decision, user, time, seconds) "
            "VALUES (?, ?, ?, 'me', '2026-01-01T00:00:00.000Z', 3)",
            rows,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    n = parser.parse_args().n
    application = QgsApplication([], False)
    application.initQgis()
    with tempfile.TemporaryDirectory() as folder:
        path = make_file(Path(folder) / "candidates.gpkg", n, extent_m=50_000, doubtful=2)
        fill_log(path, n)
        print(f"{n:,} candidates, half of them decided, {path.stat().st_size / 1e6:.0f} MB")

        def reopen() -> ReviewSession:
            return ReviewSession(ReviewStore.open(path, "me"))

        timed("open store", lambda: ReviewStore.open(path, "me").close())
        timed("open session", lambda: reopen().close())
        session = reopen()
        for order in Order:
            timed(f"order by {order}, first", lambda order=order: session.set_order(order), 1)
        for order in Order:
            timed(f"order by {order}, again", lambda order=order: session.set_order(order))
        middle = (WEST + 10_000, SOUTH + 10_000, WEST + 30_000, SOUTH + 30_000)
        filters = {
            "nothing": Filter(),
            "class": Filter(classes=frozenset({3})),
            "kind": Filter(kinds=frozenset({"doubtful"})),
            "score": Filter(score=(0.2, 0.8)),
            "status": Filter(statuses=frozenset({"undecided"})),
            "extent": Filter(extent=middle),
            "all of these": Filter(frozenset({3}), (0.1, 0.9), frozenset({"undecided", "accept"}), middle),
        }
        for name, filter_ in filters.items():
            timed(f"filter by {name}", lambda filter_=filter_: session.set_filter(filter_))
        session.set_filter(Filter())
        session.set_order(Order.DISTANCE)
        timed("next undecided", session.next_undecided, 50)
        timed("previous", session.previous, 50)
        timed("upcoming 5", lambda: session.queue.upcoming(5), 50)
        timed("geometry", lambda: session.store.geometry(session.current.uuid), 50)
        timed("first look", lambda: first_look(session.store.candidates))
        timed("other ranks", session.reload)
        timed("progress", session.queue.progress)
        timed("decide, undecided next", lambda: session.decide(Verdict.REJECT), 50)
        timed("undo", session.undo, 20)
        timed("redo", session.redo, 20)
        session.close()


if __name__ == "__main__":
    main()
