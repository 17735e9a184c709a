"""The page that shows an evaluation to people: the comparison with a reference, and what an interpreted
sample says. Numbers come from `compare.py` and `map_accuracy.py`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ..base.package import package_version
from ..pages.html_page import (
    PALETTE,
    Dots,
    Heat,
    Page,
    Percent,
    Plot,
    Section,
    Swatch,
    Table,
    Text,
    plot_dots,
)
from .compare import BEFORE, MAP, ORACLE, Comparison
from .map_accuracy import MapAccuracy
from .requests import CompareRequest

_HECTARE_M2 = 10_000


def sample_section(accuracy: MapAccuracy, pixel_m2: float, colors: Mapping[str, str]) -> Section:
    """Return the section; `colors` are those of the classes by name."""
    return Section(
        "From the sample",
        [
            Text(
                "Estimates for the whole map from the interpreted random points, with 95 % confidence "
                "intervals (Olofsson et al. 2014, Stehman 2014). User's accuracy: of what is mapped so, how "
                "much is so. Producer's accuracy: of what is so, how much is mapped so."
            ),
            _table(accuracy, pixel_m2, colors),
            _accuracies(accuracy),
            _areas(accuracy, pixel_m2),
            Table(
                ("mapped", *accuracy.classes, "points"),
                [
                    (Swatch(name, colors.get(name, "")), *map(int, row), int(row.sum()))
                    for name, row in zip(accuracy.classes, accuracy.counts, strict=True)
                ],
                "Interpreted points: mapped class in rows, true class in columns.",
            ),
        ],
    )


def _table(accuracy: MapAccuracy, pixel_m2: float, colors: Mapping[str, str]) -> Table:
    areas = accuracy.areas(pixel_m2 / _HECTARE_M2)
    mapped = accuracy.mapped_pixels * pixel_m2 / _HECTARE_M2
    digits = next((d for d, ha in ((3, 100), (2, 1000), (1, 100_000)) if mapped.sum() < ha), 0)
    rows = [
        (
            Swatch(name, colors.get(name, "")),
            int(accuracy.counts[c].sum()),
            _interval(100 * accuracy.users.value[c], 100 * accuracy.users.half_width()[c]),
            _interval(100 * accuracy.producers.value[c], 100 * accuracy.producers.half_width()[c]),
            _number(mapped[c], digits),
            _interval(areas.value[c], areas.half_width()[c], digits),
        )
        for c, name in enumerate(accuracy.classes)
    ]
    return Table(("class", "points", "user's, %", "producer's, %", "mapped, ha", "area, ha"), rows)


def _accuracies(accuracy: MapAccuracy) -> Plot:
    series = [
        Dots(name, 100 * estimate.value, 100 * estimate.half_width())
        for name, estimate in (("user's", accuracy.users), ("producer's", accuracy.producers))
    ]
    svg = plot_dots(accuracy.classes, series, x_label="accuracy, percent", x_limits=(-2, 102))
    return Plot(svg, "User's and producer's accuracy of each class with their 95 % confidence intervals.")


def _areas(accuracy: MapAccuracy, pixel_m2: float) -> Plot:
    """Areas differ by orders of magnitude, so the axis is logarithmic and nothing is drawn for 0."""
    areas = accuracy.areas(pixel_m2 / _HECTARE_M2)
    mapped = accuracy.mapped_pixels * pixel_m2 / _HECTARE_M2
    found = np.concatenate([areas.value[areas.value > 0], mapped[mapped > 0]])
    svg = plot_dots(
        accuracy.classes,
        [
            Dots("estimated", np.where(areas.value > 0, areas.value, np.nan), areas.half_width()),
            Dots("mapped", np.where(mapped > 0, mapped, np.nan), color=PALETTE[4]),
        ],
        x_label="area, hectares",
        x_limits=(float(found.min()) / 4, float(found.max()) * 2),
        log_x=True,
    )
    return Plot(
        svg,
        "Area of each class as estimated from the sample, with its 95 % confidence interval, beside the area "
        "on the map; the axis is logarithmic.",
    )


def _interval(value: float, width: float, digits: int = 1) -> str | None:
    """Return value and half-width, None where there is no value."""
    if np.isnan(value):
        return None
    return f"{_number(value, digits)} ± {_number(width, digits)}"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace(",", "\u202f")


_PAPER = (
    "Means over classes count one class more, the never-trained background with score 0, as the tables of "
    "the MCE paper do."
)
#: Confusions that are told in words.
_TOLD = 8


def evaluation_page(found: Comparison, request: CompareRequest, remarks: Sequence[str]) -> Page:
    """Return the page of a comparison."""
    sections = []
    if remarks:
        sections.append(Section("What did not count", [Text(sentence) for sentence in remarks]))
    if found.matrices:
        sections += [_classes(found, request), _confusion(found)]
        if found.places:
            sections.append(_places(found))
        if len(found.matrices) > 1:
            sections.append(_experts(found))
    if found.accuracy is not None:
        sections.append(sample_section(found.accuracy, found.pixel_m2, found.colors))
    sources = [f"map {request.prediction}"]
    sources += [f"reference {request.reference}"] if request.reference else []
    drawn = f", drawn from {request.sample_map}" if request.sample_map else ""
    sources += [f"sample {request.sample}{drawn}"] if request.sample else []
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
        facts["Compared pixels"] = f"{found.compared:,}".replace(",", "\u202f")
    if found.accuracy is not None:
        overall = found.accuracy.overall
        value, width = float(overall.value), float(overall.half_width())
        facts["Overall accuracy, from the sample"] = f"{100 * value:.1f} ± {100 * width:.1f} %"
    return facts


def _classes(found: Comparison, request: CompareRequest) -> Section:
    score, matrix = found.scores[MAP], found.matrices[MAP]
    rows = [
        (
            Swatch(c.name, c.color),
            c.group or None,
            int(matrix[i].sum()),
            int(matrix[:, i].sum()),
            *(Percent(100 * v[i]) for v in (score.precision, score.recall, score.f1, score.iou)),
        )
        for i, c in enumerate(found.classes)
    ]
    means = score.mean_precision, score.mean_recall, score.mean_f1, score.mean_iou
    total = ("Mean of classes", None, found.compared, found.compared, *(Percent(100 * m) for m in means))
    shown = _shown(found)
    blocks: list[Text | Table | Plot] = [
        Table(
            ("class", "group", "reference pixels", "mapped pixels", "precision", "recall", "F1", "IoU"),
            [*rows, total],
            "In percent, counted in pixels. Recall is what the paper calls accuracy of a class.",
            frozenset({len(rows)}),
        ),
        Plot(
            plot_dots(
                [found.classes[i].name for i in shown],
                [Dots("recall", 100 * score.recall[shown]), Dots("precision", 100 * score.precision[shown])],
                x_label="percent",
                x_limits=(-2, 102),
            ),
            "Recall: of a class's reference pixels, how many the map has right. Precision: of the pixels "
            "that the map calls so, how many are.",
        ),
    ]
    if request.paper_convention:
        blocks.insert(0, Text(_PAPER))
    return Section("Classes", blocks)


def _confusion(found: Comparison) -> Section:
    matrix = found.matrices[MAP]
    share = 100 * matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    rows = [
        (Swatch(c.name, c.color), *(Heat(v) if matrix[i].any() else None for v in share[i]))
        for i, c in enumerate(found.classes)
    ]
    caption = "Percent of each reference class (row) that the map calls so (column)."
    blocks = [Table(("reference", *(c.name for c in found.classes)), rows, caption)]
    wrong = matrix * (1 - np.eye(len(matrix), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_TOLD]
    told = [divmod(int(k), len(matrix)) for k in order if wrong.flat[k]]
    largest = [
        (
            *(Swatch(found.classes[i].name, found.classes[i].color) for i in pair),
            int(wrong[pair]),
            Percent(share[pair]),
        )
        for pair in told
    ]
    if largest:
        columns = ("what is", "is mapped as", "pixels", "percent of the class")
        blocks.append(Table(columns, largest, "The confusions that cost most pixels."))
    return Section("Confusions", blocks)


def _places(found: Comparison) -> Section:
    """Return the rare classes by places."""
    titles = {MAP: "map", BEFORE: "before"}
    rows = [
        (
            Swatch(name, found.colors.get(name, "")),
            titles[row],
            p.found,
            p.missed,
            p.false,
            f"{p.false_per_km2:.1f}",
            None if np.isnan(p.false_per_found) else f"{p.false_per_found:.1f}",
        )
        for name in found.places[MAP]
        for row, p in ((row, places[name]) for row, places in found.places.items())
    ]
    columns = ("class", "map", "found", "missed", "false", "false per km2", "false per one found")
    note = " Before is the run's own map, which this one was made of." if BEFORE in found.places else ""
    return Section(
        "Rare places",
        [
            Text(
                "Segments, not pixels. Found: of the reference's, those where the map says the class at "
                "least once; missed: the others. False: of the map's with an interior pixel, those without a "
                "reference pixel of the class." + note
            ),
            Table(columns, rows),
        ],
    )


def _experts(found: Comparison) -> Section:
    scores = found.scores.values()
    means = {"overall": "overall", "mean accuracy": "mean_recall", "mean IoU": "mean_iou"}
    rows = [(name, *(Percent(100 * getattr(s, field)) for s in scores)) for name, field in means.items()]
    rows += [(name, *(Percent(100 * s.groups[name]) for s in scores)) for name in found.scores[MAP].groups]
    rows += [
        (Swatch(c.name, c.color), *(Percent(100 * s.recall[i]) for s in scores))
        for i, c in enumerate(found.classes)
    ]
    shown = _shown(found)
    series = [
        Dots(found.titles[row], 100 * s.recall[shown], hollow=row == ORACLE)
        for row, s in found.scores.items()
    ]
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
            Plot(
                plot_dots(
                    [found.classes[i].name for i in shown],
                    series,
                    x_label="recall, percent",
                    x_limits=(-2, 102),
                ),
                "Recall of each class. Where the oracle stands far to the right of the map, an expert knows "
                "the class but is not heard.",
            ),
        ],
    )


def _shown(found: Comparison) -> list[int]:
    """Return the classes that the reference has, whose scores are numbers."""
    return [i for i in range(len(found.classes)) if found.matrices[MAP][i].any()]


def _percent(value: float) -> str:
    return "–" if np.isnan(value) else f"{100 * value:.1f} %"
