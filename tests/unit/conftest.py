"""Fixtures of all unit tests."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> None:
    """Small networks gain nothing from threads, and lose much where other work shares the cores."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
