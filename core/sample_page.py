"""The section of an evaluation's page that shows what an interpreted sample says of the map. Numbers come
from `map_accuracy.py`."""

from collections.abc import Mapping

import numpy as np

from .dot_plots import Dots, plot_dots
from .html_report import PALETTE, Plot, Section, Swatch, Table, Text
from .map_accuracy import MapAccuracy

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
