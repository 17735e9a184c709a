"""Runs a child process line by line, to be watched and cancelled. Knows neither QGIS nor the protocol."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

#: How often the caller's wish to cancel is looked at, whatever the child says.
POLL_S = 0.05
#: How long a cancelled child may take to stop by itself before it is killed, which does its files no harm.
GRACE_S = 3.0
#: How long a child that has said its last word may take to end.
FAREWELL_S = 1.0
#: How long the output of a child that has ended is waited for.
DRAIN_S = 1.0
#: Lines of stderr that are kept for diagnosis.
STDERR_LINES = 400


@dataclass(frozen=True)
class Ended:
    """How the child ended: `exit_code` is negative for a signal, `stderr` holds its last lines."""

    exit_code: int
    stderr: tuple[str, ...]
    cancelled: bool


def run_lines(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], bool | None],
    is_cancelled: Callable[[], bool],
    stdin: str = "",
    grace_s: float | None = None,
) -> Ended:
    """Run `command`, give it `stdin`, and call `on_line` in this thread for each line that it prints.

    `on_line` returns True to say that nothing more is expected: the child is not waited for long then. A
    cancelled child is asked to stop, and killed after `grace_s` (default `GRACE_S`). Raises OSError if it
    cannot start.
    """
    grace_s = GRACE_S if grace_s is None else grace_s
    child = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    lines: queue.Queue[tuple[str, str]] = queue.Queue()
    threads = [
        threading.Thread(target=_feed, args=(child.stdin, stdin), daemon=True),
        threading.Thread(target=_read, args=(child.stdout, "out", lines), daemon=True),
        threading.Thread(target=_read, args=(child.stderr, "err", lines), daemon=True),
    ]
    for thread in threads:
        thread.start()
    stderr: deque[str] = deque(maxlen=STDERR_LINES)
    cancelled, deadline = False, float("inf")
    try:
        for name, line in _until_closed(child, lines):
            if name == "err":
                stderr.append(line)
            elif name == "out" and on_line(line):
                deadline = min(deadline, time.monotonic() + FAREWELL_S)
            if not cancelled and is_cancelled():
                cancelled, deadline = True, min(deadline, time.monotonic() + grace_s)
                child.terminate()
            if time.monotonic() > deadline:
                child.kill()
        _wait(child, min(deadline, time.monotonic() + GRACE_S))
    finally:
        child.kill()
        exit_code = child.wait()
    return Ended(exit_code, tuple(stderr), cancelled)


def _wait(child: subprocess.Popen[bytes], deadline: float) -> None:
    """Give a child that has closed its streams until `deadline` to end, so that its exit code is its own."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(max(0.0, deadline - time.monotonic()))


def _until_closed(
    child: subprocess.Popen[bytes], lines: queue.Queue[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield `(stream, line)`, and `("", "")` at least every `POLL_S`, until both streams are closed.

    A grandchild may hold them open after the child's end: then what is there is read and the rest is left.
    """
    n_open, silent_s = 2, 0.0
    while n_open:
        try:
            name, line = lines.get(timeout=POLL_S)
            silent_s = 0.0
        except queue.Empty:
            name, line = "", ""
            silent_s = silent_s + POLL_S if child.poll() is not None else 0.0
            if silent_s > DRAIN_S:
                return
        if name == "end":
            n_open -= 1
        yield name, line


def _read(stream: IO[bytes], name: str, lines: queue.Queue[tuple[str, str]]) -> None:
    for raw in stream:
        lines.put((name, raw.decode("utf-8", "replace").rstrip("\r\n")))
    lines.put(("end", ""))
    stream.close()


def _feed(stream: IO[bytes], text: str) -> None:
    # A child that dies before it has read everything is diagnosed by how it ended.
    with contextlib.suppress(OSError), stream:
        stream.write(text.encode("utf-8"))


def child_environment(prefix: str, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a Python of its own: `base` (this process's) without what QGIS put there.

    Variables that steer Python, GDAL and PROJ go. Of the library search paths only entries inside `prefix`,
    the QGIS installation, go, because people need their own entries for CUDA. PATH stays: Python does not
    search it for the libraries of its extension modules.
    """
    prefixes = ("PYTHON", "GDAL_", "PROJ_")
    names = {"__PYVENV_LAUNCHER__"}
    env = {
        key: value
        for key, value in (os.environ if base is None else base).items()
        if not key.upper().startswith(prefixes) and key not in names
    }
    for key in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH"):
        if key in env:
            kept = [entry for entry in env[key].split(os.pathsep) if not _is_inside(entry, prefix)]
            env[key] = os.pathsep.join(kept)
            if not env[key]:
                del env[key]
    return env


def _is_inside(entry: str, prefix: str) -> bool:
    """Is the folder part of a QGIS bundle? The system's own prefixes are shared and never count as one."""
    root = os.path.normpath(prefix)
    if root in (os.sep, "/usr", "/usr/local", "."):
        return False
    return os.path.normpath(entry).startswith(root + os.sep)
