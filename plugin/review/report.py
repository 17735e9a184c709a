"""The report of a review: how right the flags were, how fast it went, how far people agree. As one HTML
page that needs nothing else, fit for light and dark screens and for paper, and every candidate with its
state as a table.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Mapping, Sequence

from ..i18n import tr
from .facts import kind_name
from .records import Candidate, Kind, Verdict
from .statistics import (
    Agreement,
    Disagreement,
    Flags,
    disagreements,
    flags_by_class,
    flags_by_score,
    flags_of,
    measure_agreement,
    outcome_name,
    pace_by_user,
)
from .store import ReviewStore

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


#: Disagreements on the page; all are in the table.
_SHOWN = 50
_COLUMNS = (
    *("uuid", "rank", "class_id", "class_name", "map_class", "score", "area_m2", "x", "y"),
    *("status", "final_class_id", "final_class", "user", "time", "seconds", "comment"),
    *("n_people", "disagreement", "kind", "instead_class", "expected_iou"),
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
        what = (c.kind, c.instead_class_name, c.expected_iou)
        row = (*about, state.status, *final, *told, people, int(c.uuid in disputed), *what)
        writer.writerow(["" if value is None else value for value in row])
    return text.getvalue()


def review_html(store: ReviewStore) -> str:
    """Return the page."""
    kinds = [flags for flags in (flags_of(store, kind) for kind in Kind) if flags.n]
    agreement = measure_agreement(store)
    pace = pace_by_user(store)
    seconds = sum(p.seconds for p in pace)
    speed = 60 * sum(p.n_timed for p in pace) / seconds if seconds else None
    facts = {
        tr("Candidates"): len(store),
        tr("Decided"): sum(flags.n_decided for flags in kinds),
        **{key: value for flags in kinds for key, value in _found(flags).items()},
        tr("Decisions a minute"): speed,
        tr("People"): len(pace),
        tr("Agreement"): percent(agreement.share),
    }
    sections = [
        *(_precision(store, flags) for flags in kinds),
        _pace(store),
        _agreement(agreement),
        _disagreements(store),
        _about(store),
    ]
    return render(tr("Review of candidates"), store.path.name, facts, sections)


def _found(flags: Flags) -> dict[str, object]:
    """Return what a review of one kind comes to, in two numbers."""
    if flags.kind is Kind.DOUBTFUL:
        return {
            tr("False places thrown out"): flags.n_thrown_out,
            tr("False of the doubtful"): percent(flags.precision),
        }
    return {
        tr("Missed places found"): flags.n_accepted,
        tr("Precision of the flags"): percent(flags.precision),
    }


def _precision(store: ReviewStore, whole: Flags) -> str:
    doubtful, names = whole.kind is Kind.DOUBTFUL, _verdict_names(whole.kind)
    columns = [
        *(tr("candidates"), tr("decided"), *names.values()),
        *(tr("share false") if doubtful else tr("precision"), tr("95 % interval"), ""),
    ]
    rows = [*flags_by_class(store, whole.kind), whole]
    by_class = table([tr("class"), *columns], map(_flags_row, rows), tr("By flagged class."))
    scored = [flags for flags in flags_by_score(store, whole.kind) if flags.n]
    by_score = (
        table([tr("score"), *columns], map(_flags_row, scored), tr("By score of the meta classifier."))
        if scored
        else paragraph(tr("The candidates have no scores."))
    )
    if doubtful:
        title = tr("How many doubtful places of the map were false")
        share = tr(
            "The share of false places is that of the rejected and those given another class among all that "
            "were judged; what is unsure is not judged."
        )
    else:
        title = tr("How many flags were right")
        share = tr(
            "Precision is the share of accepted candidates among those accepted, rejected or given another "
            "class; what is unsure is not judged."
        )
    caution = tr(
        "The interval (Wilson) holds if those judged stand for their group, which they do not where only the "
        "best were looked at. Candidates are no random sample of the map: nothing here says how accurate the "
        "map is."
    )
    return section(title, paragraph(share), paragraph(caution), legend(names), by_class, by_score)


def _flags_row(flags: Flags) -> Sequence[object]:
    counts = {
        Verdict.ACCEPT.value: flags.n_accepted,
        Verdict.REJECT.value: flags.n_rejected,
        Verdict.RECLASSIFY.value: flags.n_reclassified,
        Verdict.UNSURE.value: flags.n_unsure,
    }
    names = _verdict_names(flags.kind)
    label = ", ".join(f"{names[state]} {n}" for state, n in counts.items())
    between = None
    if flags.interval is not None:
        between = "{:.0f}–{:.0f}\u00a0%".format(*(100 * end for end in flags.interval))
    return (
        *(flags.name, flags.n, flags.n_decided, *counts.values()),
        *(percent(flags.precision), between, bar(counts, label)),
    )


def _verdict_names(kind: Kind) -> dict[str, str]:
    doubtful = kind is Kind.DOUBTFUL
    return {
        Verdict.ACCEPT.value: tr("kept") if doubtful else tr("accepted"),
        Verdict.REJECT.value: tr("thrown out") if doubtful else tr("rejected"),
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
    columns = (tr("rank"), tr("what"), tr("class"), tr("x"), tr("y"), tr("decisions, the last one counts"))
    rows = [_disagreement_row(item, names) for item in found[:_SHOWN]]
    said = tr("{} candidates; the first {} are listed, all are marked in the table (CSV).").format(
        len(found), min(len(found), _SHOWN)
    )
    return section(title, paragraph(said), table(columns, rows))


def _disagreement_row(item: Disagreement, names: dict[int, str]) -> Sequence[object]:
    c: Candidate = item.candidate
    said = "; ".join(f"{row.user}: {outcome_name(row, names)}" for row in item.decisions)
    return c.rank, kind_name(c.kind), c.class_name, c.x, c.y, said


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
