"""The report of a review: how right the flags were, how fast it went, how far people agree; as a page, and
every candidate with its state as a table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ..i18n import tr
from .opinions import Disagreement, disagreements, outcome_name
from .page import bar, legend, paragraph, percent, render, section, table
from .records import Candidate, Verdict
from .second_look import Agreement, measure_agreement
from .statistics import Flags, count_flags, flags_by_class, flags_by_score, pace_by_user
from .store import ReviewStore

#: Disagreements on the page; all are in the table.
_SHOWN = 50
_COLUMNS = (
    *("uuid", "rank", "class_id", "class_name", "map_class", "score", "area_m2", "x", "y"),
    *("status", "final_class_id", "final_class", "user", "time", "seconds", "comment"),
    *("n_people", "disagreement"),
)


def review_csv(store: ReviewStore) -> str:
    """Return a CSV table: one row per candidate in order of rank, and what was decided of it."""
    names = {c.id: c.name for c in store.classes}
    disputed = {d.candidate.uuid for d in disagreements(store.log, store.candidates)}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for c in store.candidates:
        state = store.state(c.uuid)
        decision = state.decision
        about = (c.uuid, c.rank, c.class_id, c.class_name, c.bayes_class_name, c.score, c.area_m2, c.x, c.y)
        final = (state.final_class_id, names.get(state.final_class_id or -1))
        told = (
            (None,) * 4
            if decision is None
            else (decision.user, decision.time, decision.seconds, decision.comment)
        )
        people = len({row.user for row in store.log.standing(c.uuid)})
        row = (*about, state.status, *final, *told, people, int(c.uuid in disputed))
        writer.writerow(["" if value is None else value for value in row])
    return text.getvalue()


def review_html(store: ReviewStore) -> str:
    """Return the page."""
    whole = count_flags(store, store.candidates, tr("all"))
    agreement = measure_agreement(store)
    pace = pace_by_user(store)
    seconds = sum(p.seconds for p in pace)
    speed = 60 * sum(p.n_timed for p in pace) / seconds if seconds else None
    facts = {
        tr("Candidates"): whole.n,
        tr("Decided"): whole.n_decided,
        tr("Precision of the flags"): percent(whole.precision),
        tr("Decisions a minute"): speed,
        tr("People"): len(pace),
        tr("Agreement"): percent(agreement.share),
    }
    sections = [
        _precision(store, whole),
        _pace(store),
        _agreement(agreement),
        _disagreements(store),
        _about(store),
    ]
    return render(tr("Review of candidates"), store.path.name, facts, sections)


def _precision(store: ReviewStore, whole: Flags) -> str:
    columns = [
        *(tr("candidates"), tr("decided"), tr("accepted"), tr("rejected"), tr("another class"), tr("unsure")),
        *(tr("precision"), tr("95 % interval"), ""),
    ]
    by_class = table(
        [tr("class"), *columns], map(_flags_row, [*flags_by_class(store), whole]), tr("By flagged class.")
    )
    scored = [flags for flags in flags_by_score(store) if flags.n]
    by_score = (
        table([tr("score"), *columns], map(_flags_row, scored), tr("By score of the meta classifier."))
        if scored
        else paragraph(tr("The candidates have no scores."))
    )
    return section(
        tr("How many flags were right"),
        paragraph(
            tr(
                "Precision is the share of accepted candidates among those accepted, rejected or given "
                "another class; what is unsure is not judged. The interval (Wilson) holds if those judged "
                "stand for their group, which they do not where only the best were looked at. Candidates are "
                "no random sample of the map: nothing here says how accurate the map is."
            )
        ),
        legend(_verdict_names()),
        by_class,
        by_score,
    )


def _flags_row(flags: Flags) -> Sequence[object]:
    counts = {
        Verdict.ACCEPT.value: flags.n_accepted,
        Verdict.REJECT.value: flags.n_rejected,
        Verdict.RECLASSIFY.value: flags.n_reclassified,
        Verdict.UNSURE.value: flags.n_unsure,
    }
    names = _verdict_names()
    label = ", ".join(f"{names[state]} {n}" for state, n in counts.items())
    between = None
    if flags.interval is not None:
        between = "{:.0f}–{:.0f}\u00a0%".format(*(100 * end for end in flags.interval))
    return (
        *(flags.name, flags.n, flags.n_decided, *counts.values()),
        *(percent(flags.precision), between, bar(counts, label)),
    )


def _verdict_names() -> dict[str, str]:
    return {
        Verdict.ACCEPT.value: tr("accepted"),
        Verdict.REJECT.value: tr("rejected"),
        Verdict.RECLASSIFY.value: tr("another class"),
        Verdict.UNSURE.value: tr("unsure"),
    }


def _pace(store: ReviewStore) -> str:
    columns = (
        tr("user"),
        tr("decisions"),
        tr("minutes"),
        tr("a minute"),
        tr("first (UTC)"),
        tr("last (UTC)"),
    )
    rows = (
        (
            p.user,
            p.n,
            p.seconds / 60,
            p.per_minute,
            p.first[:16].replace("T", " "),
            p.last[:16].replace("T", " "),
        )
        for p in pace_by_user(store)
    )
    caption = tr("All decisions, those taken back too; minutes with a candidate in view, without the pauses.")
    return section(tr("How fast it went"), table(columns, rows, caption))


def _agreement(agreement: Agreement) -> str:
    title = tr("How far people agree")
    if not agreement.n or agreement.interval is None:
        return section(title, paragraph(tr("No candidate was decided by two people.")))
    low, high = agreement.interval
    outcomes = agreement.outcomes
    rows = [
        [first, *(agreement.confusion.get((first, second), 0) for second in outcomes)] for first in outcomes
    ]
    said = tr(
        "Of {} candidates that a second person decided, {} came to the same: {} (95 % interval {} to {}). "
        "This tells something of the verdicts only where the second did not see the first, as on a second "
        "look."
    ).format(agreement.n, agreement.n_same, percent(agreement.share), percent(low), percent(high))
    caption = tr("First decision (rows) and that of another person (columns).")
    return section(title, paragraph(said), table(["", *outcomes], rows, caption))


def _disagreements(store: ReviewStore) -> str:
    found = disagreements(store.log, store.candidates)
    title = tr("Where people differ")
    if not found:
        return section(title, paragraph(tr("Nowhere.")))
    names = {c.id: c.name for c in store.classes}
    columns = (tr("rank"), tr("class"), tr("x"), tr("y"), tr("decisions, the last one counts"))
    rows = [_disagreement_row(item, names) for item in found[:_SHOWN]]
    said = tr("{} candidates; the first {} are listed, all are marked in the table (CSV).").format(
        len(found), min(len(found), _SHOWN)
    )
    return section(title, paragraph(said), table(columns, rows))


def _disagreement_row(item: Disagreement, names: dict[int, str]) -> Sequence[object]:
    c: Candidate = item.candidate
    said = "; ".join(f"{row.user}: {outcome_name(row, names)}" for row in item.decisions)
    return c.rank, c.class_name, c.x, c.y, said


def _about(store: ReviewStore) -> str:
    run = store.run
    rows = [
        (tr("file"), str(store.path)),
        (tr("run"), run.get("run_folder") or run.get("run")),
        (tr("model"), run.get("model")),
        (tr("its SHA-256"), run.get("model_sha256")),
        (tr("ranked by"), run.get("ranked_by")),
        (tr("rows of the log"), str(len(store.log))),
        *((tr("note"), note) for note in store.notes),
    ]
    return section(tr("What was reviewed"), table((tr("what"), tr("value")), rows))
