"""A real QGIS window on a screen of its own (Xvfb), driven by a keyboard (xdotool) and nothing else. Standard
library only; what runs inside QGIS is `inside.py`.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Event = dict[str, Any]


class SessionError(Exception):
    """The window did not do what it should."""


class Screen:
    """An X server without a screen; a context manager."""

    def __init__(self, size: str = "1600x1000") -> None:
        for tool in ("Xvfb", "xdotool", "qgis"):
            if not shutil.which(tool):
                raise SessionError(f"{tool} is not installed: make system installs it.")
        self._size = size
        self.display = ""

    def __enter__(self) -> "Screen":
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{self._size}x24", "-nolisten", "tcp"]
        self._server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as number:
            self.display = ":" + number.readline().strip()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.terminate()
        self._server.wait()


class Window:
    """QGIS with one review open. `folder` gets its profile, the log of events and what QGIS says."""

    def __init__(self, screen: Screen, folder: Path, file: Path, **settings: str) -> None:
        self._folder, self._read = folder, 0
        self.events: list[Event] = []
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("events.jsonl", "commands.txt"):
            (folder / name).write_text("", encoding="utf-8")
        plugins = folder / "profile/profiles/default/python/plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        link = plugins / "mce_landcover"
        if not link.exists():
            link.symlink_to(ROOT, target_is_directory=True)
        # QGIS takes the first python3 on the PATH for its own: an active environment makes it crash.
        hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "QT_QPA_PLATFORM")
        self._environment = {k: v for k, v in os.environ.items() if k not in hidden} | {
            "PATH": os.pathsep.join(["/usr/bin", os.environ.get("PATH", "")]),
            "DISPLAY": screen.display,
            "QGIS_CUSTOM_CONFIG_PATH": str(folder / "profile"),
            "MCE_REVIEW_FOLDER": str(folder),
            "MCE_REVIEW_FILE": str(file),
            **settings,
        }
        self._log = (folder / "qgis.log").open("a")
        code = Path(__file__).with_name("inside.py")
        self.process = subprocess.Popen(
            ["qgis", "--nologo", "--noversioncheck", "--code", str(code)],
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )

    def wait_ready(self, timeout: float = 60.0) -> Event:
        """Wait until the review is open and its first view is drawn."""
        ready = self.wait_for(lambda e: e["event"] == "ready", 0, timeout)
        self.wait_for(lambda e: e["event"] == "drawn", self.events.index(ready), timeout)
        return ready

    def key(self, *keys: str) -> None:
        """Press keys one after the other, named as X names them: "a", "ctrl+z", "Escape"."""
        self._xdotool("key", "--delay", "15", *keys)

    def type(self, text: str) -> None:
        """Type a text."""
        self._xdotool("type", "--delay", "15", text)

    def command(self, line: str) -> Event:
        """Have `inside.py` do something and wait for it."""
        at = len(self.poll())
        with (self._folder / "commands.txt").open("a", encoding="utf-8") as commands:
            commands.write(line + "\n")
        return self.wait_for(lambda e: e["event"] == "obeyed" and e["line"] == line, at)

    def state(self) -> Event:
        """Return what the dock says."""
        at = len(self.poll())
        self.command("state")
        return self.wait_for(lambda e: e["event"] == "state", at)

    def poll(self) -> list[Event]:
        """Read what happened and return all events."""
        with (self._folder / "events.jsonl").open(encoding="utf-8") as file:
            file.seek(self._read)
            while (line := file.readline()).endswith("\n"):
                self.events.append(json.loads(line))
                self._read = file.tell()
        return self.events

    def wait_for(self, wanted: Callable[[Event], bool], since: int, timeout: float = 15.0) -> Event:
        """Wait for an event after the first `since` ones."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for event in self.poll()[since:]:
                if event["event"] == "failed":
                    raise SessionError(event["why"])
                if wanted(event):
                    return event
            if self.process.poll() is not None:
                raise SessionError(f"QGIS ended with {self.process.returncode}: see {self._folder}/qgis.log.")
            time.sleep(0.01)
        raise SessionError(f"QGIS did not do what was asked: see {self._folder}/events.jsonl.")

    def kill(self) -> None:
        """End QGIS as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._log.close()

    def quit(self) -> None:
        """Leave QGIS as a user does."""
        with (self._folder / "commands.txt").open("a", encoding="utf-8") as commands:
            commands.write("quit\n")
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise SessionError("QGIS did not end when asked to.") from error
        self._log.close()

    def _xdotool(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=self._environment, check=True)
