"""Reading ahead gives the same blocks, in order, one call at a time."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.geodata.cells import ReadAhead, halo_regions
from mce_landcover.core.geodata.grid import Region
from mce_landcover.core.segments.stream import PixelBlock, stream_segments

SIDES = st.integers(1, 40)


@settings(deadline=None, max_examples=40)
@given(SIDES, SIDES, st.integers(4, 30))
def test_the_regions_are_those_that_streaming_asks_for(rows, cols, block):
    asked = []

    def read(region: Region) -> PixelBlock:
        asked.append(region)
        return PixelBlock(
            np.zeros(region.shape, np.uint8), np.zeros((3, *region.shape)), np.zeros((0, *region.shape))
        )

    list(stream_segments((rows, cols), 1, read, block=block))
    assert list(halo_regions((rows, cols), block)) == asked


def test_each_region_is_read_once_and_never_two_at_a_time():
    regions = list(halo_regions((50, 70), 20))
    running, calls = threading.Lock(), []

    def read(region: Region) -> Region:
        assert running.acquire(blocking=False)
        calls.append(region)
        running.release()
        return region

    with ReadAhead(read, iter(regions)) as ahead:
        assert [ahead(region) for region in regions] == regions
        other = Region(0, 1, 0, 1)
        assert ahead(other) == other
    assert calls == [*regions, other]


def test_a_region_out_of_order_does_not_disturb_the_others():
    regions = list(halo_regions((50, 70), 20))
    with ReadAhead(lambda region: region, iter(regions)) as ahead:
        assert ahead(regions[5]) == regions[5]
        assert [ahead(region) for region in regions] == regions


def test_an_error_comes_with_its_own_region():
    def read(region: Region) -> Region:
        if region.col0 > 0:
            raise ValueError(f"column {region.col0}")
        return region

    first, second, *_ = regions = list(halo_regions((10, 30), 10))
    with ReadAhead(read, iter(regions)) as ahead:
        assert ahead(first) == first
        with pytest.raises(ValueError, match="column 9"):
            ahead(second)
