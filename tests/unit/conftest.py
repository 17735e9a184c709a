"""Fixtures of all unit tests."""

import hashlib
import pickle
import signal
from collections.abc import Iterator, Sequence
from typing import Any

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


@pytest.fixture(autouse=True, scope="session")
def _equal_modules_are_compiled_once() -> Iterator[None]:
    """OpenVINO takes seconds to convert and compile, and hundreds of tests run the same few modules."""
    devices = pytest.importorskip("mce_landcover.core.mapping.devices")
    backend = pytest.importorskip("mce_landcover.core.mapping.openvino_backend")
    convert, compile_for = devices.convert, devices.compile_for
    converted: dict[str, Any] = {}
    compiled: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def convert_once(module: Any, shape: Sequence[int]) -> Any:
        try:
            key = f"{hashlib.sha256(pickle.dumps(module)).hexdigest()} {list(shape)}"
        except (pickle.PicklingError, AttributeError, TypeError):
            return convert(module, shape)
        if key not in converted:
            converted[key] = convert(module, shape)
        return converted[key]

    def compile_once(model: Any, *settings: Any) -> Any:
        key = (id(model), *settings)
        if key not in compiled:
            compiled[key] = model, compile_for(model, *settings)  # keeps the model, and so its id
        return compiled[key][1]

    with pytest.MonkeyPatch.context() as patch:
        for module in (devices, backend):
            patch.setattr(module, "convert", convert_once)
            patch.setattr(module, "compile_for", compile_once)
        yield


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A command that runs inside a test takes over the signals of the whole process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
