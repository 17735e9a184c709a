"""Fixtures of all unit tests."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A machine that is busy is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> None:
    """Small networks gain nothing from threads, and lose much where other work shares the cores."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A command that runs inside a test takes over the signals of the whole process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
