from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.mapping.plan import Layout, spanned
from mce_landcover.core.mapping.windows import Lattice


@st.composite
def layouts(draw):
    row, col = draw(st.integers(-(10**7), 10**7)), draw(st.integers(-(10**7), 10**7))
    region = Region(row, row + draw(st.integers(1, 3000)), col, col + draw(st.integers(1, 3000)))
    window = draw(st.integers(8, 256))
    lattice = Lattice(window, draw(st.integers(4, window)))
    return Layout(region, lattice, draw(st.integers(16, 4096)), draw(st.integers(16, 1024)))


@given(layouts())
def test_bands_and_chunks_cut_the_region_into_pieces_that_meet(layout):
    bands = layout.bands()
    assert bands[0][0] == layout.region.col0 and bands[-1][1] == layout.region.col1
    assert all(one[1] == two[0] for one, two in pairwise(bands))
    assert all(0 < stop - start <= layout.band_px for start, stop in bands)
    chunks = layout.chunks()
    assert sum(chunk.region.size for chunk in chunks) == layout.region.size
    assert all(chunk.region.shape[0] <= layout.chunk_rows for chunk in chunks)
    assert len({chunk.key for chunk in chunks}) == len(chunks)


@given(layouts())
def test_bands_are_cut_on_lattice_lines_where_they_can(layout):
    for _, cut in layout.bands()[:-1]:
        assert (
            cut % layout.lattice.stride == 0 or layout.lattice.stride > layout.band_px - layout.lattice.stride
        )


@given(layouts(), st.randoms())
def test_missing_runs_are_the_chunks_that_are_not_done(layout, random):
    chunks = layout.chunks()
    done = {chunk.key for chunk in chunks if random.random() < 0.5}
    runs = list(layout.missing(done))
    assert [c for run in runs for c in run] == [c for c in chunks if c.key not in done]
    for run in runs:
        assert len({chunk.band for chunk in run}) == 1
        assert spanned(run).size == sum(chunk.region.size for chunk in run), (
            "only neighbours are run together"
        )


@given(layouts())
def test_windows_are_counted_band_by_band(layout):
    total = 0
    for left, right in layout.bands():
        rows = layout.lattice.touching(layout.region.row0, layout.region.row1)
        total += len(rows) * len(layout.lattice.touching(left, right))
    assert layout.n_windows_in_all() == total
