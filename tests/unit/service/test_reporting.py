"""Reporters and the interrupt: speed, time left, how often they speak, and how signals cancel."""

import io
import itertools
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mce_landcover.service.protocol import Log, Message, Progress
from mce_landcover.service.reporting import (
    Interrupt,
    LineReporter,
    MessageReporter,
    Pace,
    Pacing,
    format_seconds,
)


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(0, 1000), st.integers(1, 1000), st.floats(0.01, 1e4))
def test_rate_and_time_left_are_those_of_constant_speed(first: int, more: int, rate: float) -> None:
    clock, total = Clock(), first + 2 * more
    pace = Pace(clock)
    assert pace.at(first, total, "windows").rate is None
    clock.now += more / rate
    pacing = pace.at(first + more, total, "windows")
    assert pacing.rate == pytest.approx(rate, rel=1e-6)
    assert pacing.left_s == pytest.approx(more / rate, rel=1e-6)


def test_a_new_phase_starts_its_own_clock() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.at(0, 10, "windows")
    clock.now += 10
    pace.at(10, 10, "windows")
    assert pace.at(0, 4, "blocks").rate is None
    clock.now += 1
    assert pace.at(2, 4, "blocks").rate == pytest.approx(2)


def test_work_without_parts_is_done() -> None:
    assert Pacing(0, 0, "windows", None, None).percent == 100


def test_a_standing_says_speed_and_time_left() -> None:
    assert (
        str(Pacing(128, 4000, "windows", 35.234, 110))
        == "128 of 4,000 windows, 35.2 windows/s, 1 min 50 s left"
    )
    assert str(Pacing(4000, 4000, "windows", 35.234, 0)) == "4,000 of 4,000 windows, 35.2 windows/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (-1, "0 s"),
    ],
)
def test_time_spans_read_naturally(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=60))
def test_messages_keep_their_distance_and_never_miss_the_ends(waits: list[float]) -> None:
    clock, sent = Clock(), list[Message]()
    times = []
    reporter = MessageReporter(sent.append, Interrupt(), interval_s=0.1, clock=clock)
    for i, wait in enumerate(waits):
        before = len(sent)
        reporter.progress(i, len(waits), "windows")
        times += [clock.now] * (len(sent) - before)
        clock.now += wait
    reporter.progress(len(waits), len(waits), "windows")
    percents = [m.percent for m in sent if isinstance(m, Progress)]
    assert (percents[0], percents[-1]) == (0, 100)
    assert percents == sorted(percents)
    assert all(later - earlier >= 0.1 - 1e-9 for earlier, later in itertools.pairwise(times))


def test_slow_batches_are_each_reported() -> None:
    clock, sent = Clock(), list[Message]()
    reporter = MessageReporter(sent.append, Interrupt(), clock=clock)
    for i in range(5):
        reporter.progress(i, 4, "windows")
        clock.now += 1
    reporter.log("done")
    assert [m.percent for m in sent if isinstance(m, Progress)] == [0, 25, 50, 75, 100]
    assert sent[-1] == Log("done")


def test_plain_lines_come_about_every_tenth() -> None:
    stream = io.StringIO()
    reporter = LineReporter(Interrupt(), stream, clock=Clock())
    for i in range(1001):
        reporter.progress(i, 1000, "windows")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0].startswith("  0 %")
    assert lines[-1].startswith("100 %  1,000 of 1,000 windows")


def test_plain_lines_come_in_time_when_the_work_is_slow() -> None:
    clock, stream = Clock(), io.StringIO()
    reporter = LineReporter(Interrupt(), stream, clock=clock)
    for i in range(5):
        reporter.progress(i, 10_000, "windows")
        clock.now += 11
    reporter.log("a sentence")
    assert len(stream.getvalue().splitlines()) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_at_the_next_progress_call(number: int) -> None:
    """In a process of its own: the test runner's is full of libraries with a say in signals."""
    code = f"""
import io, os
from mce_landcover.core.base.errors import Cancelled
from mce_landcover.service.reporting import Interrupt, LineReporter, MessageReporter
notices = []
interrupt = Interrupt(notice=lambda: notices.append("stopping"))
interrupt.install()
reporters = (MessageReporter(lambda _: None, interrupt), LineReporter(interrupt, io.StringIO()))
for reporter in reporters:
    reporter.progress(0, 2, "windows")
os.kill(os.getpid(), {int(number)})
os.kill(os.getpid(), {int(number)})  # the same request again, not a second one
for reporter in reporters:
    try:
        reporter.progress(1, 2, "windows")
    except Cancelled as error:
        print(error)
print(notices)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *told, notices = done.stdout.splitlines()
    assert len(told) == 2 and all("Cancelled" in line for line in told)
    assert notices == "['stopping']"


@pytest.mark.skipif(
    os.name == "nt", reason="Windows has no signal that a process sends to itself and dies of"
)
def test_the_second_signal_ends_an_impatient_process() -> None:
    code = (
        "import os, signal\n"
        "from mce_landcover.service.reporting import Interrupt\n"
        "Interrupt(impatient=True).install()\n"
        "os.kill(os.getpid(), signal.SIGINT); print('still here', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGINT); print('not here', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split("\n")) == (-signal.SIGINT, ["still here", ""])
