"""The independent noise channels of a scene: what each stream of random numbers is used for."""

from enum import IntEnum


class Channel(IntEnum):
    """Numbers are part of the landscape: changing one changes every scene."""

    WARP_WIDE = 10  # and 11
    WARP_NEAR = 12  # and 13
    VALLEY = 20
    BELT = 21
    WALLED = 22
    RIDGE = 30  # to 33
    TREE_LINE = 40
    FIRN_LINE = 41
    CLIFF = 42
    TURF_PATCH = 43
    TURF_PATCH_ROCK = 44
    MEADOW = 45
    STREAM_GATE = 46
    EDGE = 50  # to 53
    GAP = 54
    SHORE = 55
    ROUGH = 60  # to 69
    LAKE = 80  # to 84
    BLOCKS = 90  # to 94
    GRASSY_BLOCKS = 100  # to 104
    TREES = 110  # to 115
    SHRUBS = 116  # to 121
    BOULDERS = 130  # to 135
    STONES = 140  # to 145
    TEXTURE = 200  # to 205
    GRAIN = 209
    STREAKS = 210
    STRATA = 220
