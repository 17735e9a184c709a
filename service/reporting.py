"""Reporters for people and machines, and the signals that cancel. What they report on is not known here."""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from ..core.base.errors import Cancelled
from .protocol import Log, Message, Progress

Clock = Callable[[], float]


class Interrupt:
    """Turns SIGINT and SIGTERM into `Cancelled` at the next progress call.

    With `impatient`, the second signal ends the process at once (what a person at a terminal expects);
    without, repeated signals are one request: QGIS may pass on a Ctrl-C that the terminal has already sent.
    """

    def __init__(self, *, impatient: bool = False, notice: Callable[[], None] | None = None) -> None:
        self.requested = False
        self._impatient = impatient
        self._notice = notice

    def install(self) -> None:
        """Take over the signals of this process; only the main thread may."""
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._on_signal)

    def check(self) -> None:
        """Raise `Cancelled` if a signal has come."""
        if self.requested:
            raise Cancelled("Cancelled before the job was done, so no finished output was written.")

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.requested and self._impatient:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if not self.requested and self._notice:
            self._notice()
        self.requested = True


@dataclass(frozen=True)
class Pacing:
    """Where the work stands: `rate` in units per second and `left_s`, both None until they can be known."""

    done: int
    total: int
    unit: str
    rate: float | None
    left_s: float | None

    @property
    def percent(self) -> float:
        """Share of the work done, 0..100; work without parts is done."""
        return 100.0 * min(self.done, self.total) / self.total if self.total > 0 else 100.0

    def __str__(self) -> str:
        text = f"{self.done:,} of {self.total:,} {self.unit}"
        if self.rate is not None:
            text += f", {_three_digits(self.rate)} {self.unit}/s"
        if self.left_s is not None and self.done < self.total:
            text += f", {format_seconds(self.left_s)} left"
        return text


@dataclass
class Pace:
    """Measures the speed of one phase of the work; a new unit or total starts a new phase.

    What was already done at the first call (a resumed run) does not count as speed.
    """

    clock: Clock = time.monotonic
    _phase: tuple[int, str] | None = field(default=None, init=False)
    _start: tuple[int, float] = field(default=(0, 0.0), init=False)

    def at(self, done: int, total: int, unit: str) -> Pacing:
        """Return the pacing after `done` of `total` units."""
        now = self.clock()
        if self._phase != (total, unit) or done < self._start[0]:
            self._phase, self._start = (total, unit), (done, now)
        finished, elapsed = done - self._start[0], now - self._start[1]
        rate = finished / elapsed if finished > 0 and elapsed > 0 else None
        return Pacing(done, total, unit, rate, (total - done) / rate if rate else None)


def _three_digits(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"


def format_seconds(seconds: float) -> str:
    """Return a time span as people write it: `8 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class MessageReporter:
    """Sends protocol messages; progress every `interval_s` at most, and at the ends of a phase."""

    def __init__(
        self,
        send: Callable[[Message], None],
        interrupt: Interrupt,
        *,
        interval_s: float = 0.05,
        clock: Clock = time.monotonic,
    ) -> None:
        self._send = send
        self._interrupt = interrupt
        self._interval_s = interval_s
        self._clock = clock
        self._pace = Pace(clock)
        self._phase: tuple[int, str] | None = None
        self._sent_at = 0.0

    def progress(self, done: int, total: int, unit: str) -> None:
        """Send the pacing; raise `Cancelled` if that was asked for."""
        self._interrupt.check()
        pacing = self._pace.at(done, total, unit)
        now = self._clock()
        if self._phase != (total, unit) or done >= total or now - self._sent_at >= self._interval_s:
            self._phase, self._sent_at = (total, unit), now
            self._send(Progress(round(pacing.percent, 2), str(pacing)))

    def log(self, message: str) -> None:
        """Send the sentence."""
        self._send(Log(message))


class LineReporter:
    """Writes plain lines: at the ends of a phase, and every `step` percent or `interval_s` between."""

    def __init__(
        self,
        interrupt: Interrupt,
        stream: TextIO | None = None,
        *,
        step: float = 10.0,
        interval_s: float = 10.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._interrupt = interrupt
        self._stream = stream or sys.stderr
        self._step = step
        self._interval_s = interval_s
        self._clock = clock
        self._pace = Pace(clock)
        self._phase: tuple[int, str] | None = None
        self._next_percent = 0.0
        self._written_at = 0.0

    def progress(self, done: int, total: int, unit: str) -> None:
        """Write a line where one is due; raise `Cancelled` if that was asked for."""
        self._interrupt.check()
        pacing = self._pace.at(done, total, unit)
        if self._phase != (total, unit):
            self._phase, self._next_percent = (total, unit), 0.0
        now = self._clock()
        if pacing.percent >= self._next_percent or now - self._written_at >= self._interval_s:
            self._next_percent = (pacing.percent // self._step + 1) * self._step
            self._written_at = now
            print(f"{pacing.percent:3.0f} %  {pacing}", file=self._stream, flush=True)

    def log(self, message: str) -> None:
        """Write the sentence as a line."""
        print(message, file=self._stream, flush=True)
