"""Trees and boulders: a stamp is the maximum of its things, whatever the window or the order."""

import numpy as np
import pytest
from mce_landcover.scene.noise import Window
from mce_landcover.scene.objects import Spread, Things, inside, stamp, strew

SPREAD = Spread(channel=900, cell=10, radius=(2.0, 7.0), height=(0.5, 1.5))
HALO = 12


def drawn(window: Window, kind: str, order: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    things, chance = strew(3, SPREAD, window.grow(HALO))
    things = things.pick((chance < 0.8) & inside(things, window.grow(HALO)))
    if order is not None:
        things = things.pick(np.argsort(order[: len(things.row)]))
    moved = {"row": things.row - HALO, "col": things.col - HALO}
    rest = {name: getattr(things, name) for name in ("radius", "height", "tone", "turn")}
    return stamp(Things(**moved, **rest), window, kind)


@pytest.mark.parametrize("kind", ["crown", "boulder"])
def test_stamps_of_a_part_are_the_part_of_the_stamps(kind: str):
    whole, part = Window(4990, 120_003, 120, 90), Window(5011, 120_040, 33, 41)
    for a, b in zip(drawn(whole, kind), drawn(part, kind), strict=True):
        assert np.array_equal(whole.cut(a, part), b)


@pytest.mark.parametrize("kind", ["crown", "boulder"])
def test_the_order_of_things_does_not_matter(kind: str):
    window = Window(0, 0, 80, 80)
    shuffled = drawn(window, kind, np.random.default_rng(0).random(1000))
    for a, b in zip(drawn(window, kind), shuffled, strict=True):
        assert np.array_equal(a, b)


def test_one_thing_per_cell_within_its_limits():
    things, chance = strew(1, SPREAD, Window(0, 0, 400, 300))
    assert len(things.row) == 40 * 30
    assert len({(int(r // 10), int(c // 10)) for r, c in zip(things.row, things.col, strict=True)}) == 1200
    assert things.radius.min() >= 2 and things.radius.max() <= 7
    ratio = things.height / (things.radius * 0.25)
    assert ratio.min() >= 0.499 and ratio.max() <= 1.501
    assert chance.mean() == pytest.approx(0.5, abs=0.04)


def test_a_lone_crown_stands_within_its_radius_and_height():
    one = Things(*(np.array([v], np.float32) for v in (20.0, 25.0, 6.0, 4.0, 0.5)), np.array([3]))
    height, tone = stamp(one, Window(0, 0, 40, 50), "crown")
    row, col = np.mgrid[0:40, 0:50] + 0.5
    far = np.hypot(row - 20, col - 25)
    assert np.array_equal(height > 0, far < 6)
    assert 3.6 < height.max() <= 4.0
    assert np.all(tone[height > 0] == 0.5) and np.all(tone[height == 0] == 0)


def test_things_beyond_the_edge_are_cut_off():
    one = Things(*(np.array([v], np.float32) for v in (-2.0, 49.0, 6.0, 4.0, 0.5)), np.array([3]))
    height, _ = stamp(one, Window(0, 0, 40, 50), "boulder")
    assert height[:5, 40:].max() > 0
    assert np.all(height[8:] == 0) and np.all(height[:, :40] == 0)
