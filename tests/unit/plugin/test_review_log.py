"""`plugin/review/log.py`: the log in memory amounts to what the view `review` makes of it in SQL."""

import sqlite3
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.plugin.review.log import DecisionLog, state_of
from mce_landcover.plugin.review.records import UNDECIDED, UNDO, Decision, Verdict
from support.places import ROOT

SQL = ROOT / "resources" / "schema" / "review.sql"
COLUMNS = (
    "fid, geometry, uuid, class_id, class_name, area_m2, score, rank, bayes_class_id, bayes_class_name, "
    "entropy, margin, variation, n_experts, experts, support, x, y, row_first, col_first, run, "
    "kind, instead_class_id, instead_class_name, expected_iou"
)
CANDIDATES = {"a": 3, "b": 4, "c": 3}
#: Who decides what of which candidate, or takes back which of the rows before (also twice, also undos).
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["u", "v"]),
        st.sampled_from(list(CANDIDATES)),
        st.sampled_from([*Verdict, UNDO]),
        st.integers(0, 30),
    ),
    max_size=25,
)


def rows_from(moves) -> list[Decision]:
    rows: list[Decision] = []
    for id_, (user, candidate, decision, number) in enumerate(moves, start=1):
        values = dict.fromkeys(Decision._fields)
        values |= {"id": id_, "uuid": str(id_), "user": user, "candidate": candidate, "time": ""}
        values["decision"] = str(decision)
        if decision == UNDO:
            if not rows:
                continue
            undone = rows[number % len(rows)]
            values |= {"undoes": undone.uuid, "candidate": undone.candidate}
        elif decision == Verdict.RECLASSIFY:
            values["class_id"] = number
        rows.append(Decision(**values))
    return rows


def states_by_sql(rows: list[Decision]) -> dict[str, tuple]:
    with closing(sqlite3.connect(":memory:")) as database:
        tables = SQL.read_text(encoding="utf-8").partition("-- GeoPackage readers")[0]
        database.execute(f"CREATE TABLE candidates ({COLUMNS})")
        database.executescript(tables)
        database.executemany("INSERT INTO candidates (uuid, class_id) VALUES (?, ?)", CANDIDATES.items())
        marks = ", ".join("?" * len(Decision._fields))
        database.executemany(f"INSERT INTO decisions ({', '.join(Decision._fields)}) VALUES ({marks})", rows)
        found = database.execute("SELECT uuid, state, final_class_id, decision_uuid FROM review")
        return {uuid: tuple(rest) for uuid, *rest in found}


@given(MOVES)
@settings(max_examples=150, deadline=None)
def test_states_are_those_of_the_view(moves):
    rows = rows_from(moves)
    log = DecisionLog(rows)
    expected = states_by_sql(rows)
    for candidate, class_id in CANDIDATES.items():
        state = state_of(log.counting(candidate), class_id)
        decided = state.decision.uuid if state.decision else None
        assert (state.status, state.final_class_id, decided) == expected[candidate]


@given(MOVES, st.integers(0, 25))
@settings(max_examples=50, deadline=None)
def test_a_log_grows_to_the_same(moves, cut):
    rows = rows_from(moves)
    whole, grown = DecisionLog(rows), DecisionLog(rows[:cut])
    grown.add(rows[cut:])
    assert grown.rows == whole.rows and grown.last_id == whole.last_id
    for candidate in CANDIDATES:
        assert grown.standing(candidate) == whole.standing(candidate)
        assert grown.counting(candidate, "u") == whole.counting(candidate, "u")


@given(MOVES)
@settings(max_examples=50, deadline=None)
def test_what_stands_is_what_was_made_and_not_undone(moves):
    rows = rows_from(moves)
    log = DecisionLog(rows)
    undone = {row.undoes for row in rows if row.decision == UNDO}
    for candidate in CANDIDATES:
        made = [r for r in rows if r.candidate == candidate and r.decision != UNDO and r.uuid not in undone]
        assert log.standing(candidate) == made
        assert log.counting(candidate) == (made[-1] if made else None)
        own = [r for r in made if r.user == "v"]
        assert log.counting(candidate, "v") == (own[-1] if own else None)
    for user in (None, "v"):
        everyone = {c: log.counting(c, user) for c in CANDIDATES}
        assert log.all_counting(user, CANDIDATES) == {c: d for c, d in everyone.items() if d is not None}


def test_nothing_decided():
    log = DecisionLog()
    assert (len(log), log.last_id, log.standing("a"), log.counting("a")) == (0, 0, [], None)
    assert state_of(None, 3).status == UNDECIDED
    assert log.get("x") is None
