"""The page that shows an evaluation to people. Numbers come from `comparison.py`."""

from collections.abc import Sequence

import numpy as np

from .comparison import MAP, CompareRequest, Comparison
from .html_report import Page, Percent, Plot, Section, Table, Text, plot_bars
from .map_accuracy import MapAccuracy
from .version import package_version

_PAPER = (
    "Means over classes count one class more, the never-trained background with score 0, as the tables of "
    "the MCE paper do."
)


def evaluation_page(found: Comparison, request: CompareRequest, remarks: Sequence[str]) -> Page:
    """Return the page of a comparison."""
    sections = []
    if remarks:
        sections.append(Section("What did not count", [Text(sentence) for sentence in remarks]))
    if found.matrices:
        sections += [_classes(found, request), _confusion(found)]
        if len(found.matrices) > 1:
            sections.append(_experts(found))
    if found.accuracy is not None:
        sections.append(_sample(found.accuracy, found.pixel_m2))
    sources = [f"map {request.prediction}"]
    sources += [f"reference {request.reference}"] if request.reference else []
    sources += [f"sample {request.sample}"] if request.sample else []
    return Page(
        "Accuracy of a land-cover map",
        "; ".join(sources),
        sections,
        _facts(found),
        f"MCE Land Cover {package_version()}",
    )


def _facts(found: Comparison) -> dict[str, str]:
    """Return the few numbers that stand at the top."""
    facts: dict[str, str] = {}
    if found.matrices:
        score = found.scores[MAP]
        facts |= {
            "Overall accuracy": _percent(score.overall),
            "Mean accuracy": _percent(score.mean_recall),
            "Mean IoU": _percent(score.mean_iou),
        }
        facts |= {f"Accuracy, {name}": _percent(value) for name, value in score.groups.items()}
        facts["Compared pixels"] = f"{found.compared:,}"
    if found.accuracy is not None:
        overall = found.accuracy.overall
        value, width = float(overall.value), float(overall.half_width())
        facts["Overall accuracy, from the sample"] = f"{_percent(value)} ± {100 * width:.1f}"
    return facts


def _classes(found: Comparison, request: CompareRequest) -> Section:
    score, matrix = found.scores[MAP], found.matrices[MAP]
    rows = [
        (
            c.name,
            c.group or None,
            int(matrix[i].sum()),
            *(Percent(100 * v[i]) for v in (score.precision, score.recall, score.f1, score.iou)),
        )
        for i, c in enumerate(found.classes)
    ]
    means = score.mean_precision, score.mean_recall, score.mean_f1, score.mean_iou
    total = ("Mean of classes", None, found.compared, *(Percent(100 * m) for m in means))
    shown = [i for i in range(len(found.classes)) if matrix[i].any()]
    blocks: list[Text | Table | Plot] = [
        Table(
            ("class", "group", "reference pixels", "precision", "recall", "F1", "IoU"),
            [*rows, total],
            "In percent, counted in pixels. Recall is what the paper calls accuracy of a class.",
            frozenset({len(rows)}),
        ),
        Plot(
            plot_bars(
                [found.classes[i].name for i in shown], 100 * score.recall[shown], x_label="recall, percent"
            ),
            "Share of each class's reference pixels that the map has right.",
        ),
    ]
    if request.paper_convention:
        blocks.insert(0, Text(_PAPER))
    return Section("Classes", blocks)


def _confusion(found: Comparison) -> Section:
    matrix = found.matrices[MAP]
    share = 100 * matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    rows = [
        (c.name, *(Percent(v) if matrix[i].any() else None for v in share[i]))
        for i, c in enumerate(found.classes)
    ]
    caption = "Percent of each reference class (row) that the map calls so (column)."
    return Section("Confusions", [Table(("reference", *(c.name for c in found.classes)), rows, caption)])


def _experts(found: Comparison) -> Section:
    scores = found.scores.values()
    means = {"overall": "overall", "mean accuracy": "mean_recall", "mean IoU": "mean_iou"}
    rows = [(name, *(Percent(100 * getattr(s, field)) for s in scores)) for name, field in means.items()]
    rows += [(name, *(Percent(100 * s.groups[name]) for s in scores)) for name in found.scores[MAP].groups]
    rows += [(c.name, *(Percent(100 * s.recall[i]) for s in scores)) for i, c in enumerate(found.classes)]
    return Section(
        "Experts",
        [
            Text(
                "Each expert's own map, and the oracle: what the map could be if every pixel listened to the "
                "expert that answers for its true class."
            ),
            Table(
                ("", *(found.titles[row] for row in found.scores)),
                rows,
                "In percent; groups and classes show recall.",
                frozenset(range(len(means))),
            ),
        ],
    )


def _sample(accuracy: MapAccuracy, pixel_m2: float) -> Section:
    areas = accuracy.areas(pixel_m2 / 10_000)
    mapped = accuracy.mapped_pixels * pixel_m2 / 10_000
    rows = [
        (
            name,
            int(accuracy.counts[c].sum()),
            _interval(100 * accuracy.users.value[c], 100 * accuracy.users.half_width()[c]),
            _interval(100 * accuracy.producers.value[c], 100 * accuracy.producers.half_width()[c]),
            float(mapped[c]),
            _interval(areas.value[c], areas.half_width()[c]),
        )
        for c, name in enumerate(accuracy.classes)
    ]
    return Section(
        "From the sample",
        [
            Text(
                "Estimates for the whole map from the interpreted random points, with 95 % confidence "
                "intervals (Olofsson et al. 2014). User's accuracy: of what is mapped so, how much is so. "
                "Producer's accuracy: of what is so, how much is mapped so."
            ),
            Table(
                ("class", "points", "user's, %", "producer's, %", "mapped, ha", "area, ha"),
                rows,
            ),
        ],
    )


def _interval(value: float, width: float) -> str | None:
    """Return value and half-width with one digit, None where there is no value."""
    return None if np.isnan(value) else f"{value:,.1f} ± {width:,.1f}".replace(",", "\u202f")


def _percent(value: float) -> str:
    return "–" if np.isnan(value) else f"{100 * value:.1f} %"
