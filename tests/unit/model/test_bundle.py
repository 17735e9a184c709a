import hashlib
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mce_landcover.core.base.errors import ModelError, OutputError
from mce_landcover.core.model import bundle
from mce_landcover.core.model import file as model_file
from mce_landcover.core.model.bundle import CARD_KEY, load_bundle, save_bundle
from mce_landcover.core.model.card import ModelCard
from mce_landcover.core.model.network import build_network
from support.cards import tlm_card

CARD = tlm_card("tu-mobilenetv3_small_100")
Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def state() -> Weights:
    return build_network(CARD, seed=3).state_dict()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, state: Weights) -> bytes:
    path = tmp_path_factory.mktemp("good") / "m.safetensors"
    save_bundle(path, CARD, state)
    return path.read_bytes()


def refused(path: Path) -> str:
    """Return the sentence with which a file is refused."""
    with pytest.raises(ModelError) as info:
        load_bundle(path)
    sentence = str(info.value)
    assert "\n" not in sentence and len(sentence) < 600 and sentence.endswith(".")
    return sentence


def with_header(content: bytes, edit: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return the file with its header edited in place."""
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    edit(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def with_card(content: bytes, **changes: Any) -> bytes:
    def edit(header: dict[str, Any]) -> None:
        card = json.loads(header["__metadata__"][CARD_KEY])
        for dotted, value in changes.items():
            *parents, last = dotted.split("__")
            place = card
            for name in parents:
                place = place[name]
            place[last] = value
        header["__metadata__"][CARD_KEY] = json.dumps(card)

    return with_header(content, edit)


def test_round_trip_keeps_card_and_weights(tmp_path: Path, state: Weights) -> None:
    path = tmp_path / "m.safetensors"
    digest = save_bundle(path, CARD, state)
    loaded = load_bundle(str(path))
    assert loaded.card == CARD and loaded.path == path
    assert loaded.sha256 == digest == hashlib.sha256(path.read_bytes()).hexdigest()
    for name, tensor in state.items():
        expected = tensor.half().float() if tensor.dim() > 1 else tensor
        assert torch.equal(loaded.weights[name], expected), name
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_network_is_ready_to_predict(tmp_path: Path, state: Weights) -> None:
    path = tmp_path / "m.safetensors"
    save_bundle(path, CARD, state, dtype=torch.float32)
    net, original = load_bundle(path).network(), build_network(CARD, seed=3).eval()
    assert not net.training and {p.dtype for p in net.parameters()} == {torch.float32}
    with torch.no_grad():
        x = torch.randn(1, 4, 64, 64)
        assert torch.equal(net(x), original(x))


def test_saving_twice_gives_the_same_bytes(tmp_path: Path, state: Weights, good: bytes) -> None:
    save_bundle(tmp_path / "again.safetensors", CARD, state)
    assert (tmp_path / "again.safetensors").read_bytes() == good


def test_values_beyond_half_precision_stay_float32(tmp_path: Path, state: Weights) -> None:
    name = "experts.0.0.weight"
    large = state | {name: state[name] * 1e7}
    save_bundle(tmp_path / "m.safetensors", CARD, large)
    assert torch.equal(load_bundle(tmp_path / "m.safetensors").weights[name], large[name])


def test_broken_weights_are_not_saved(tmp_path: Path, state: Weights) -> None:
    broken = state | {"experts.0.3.bias": torch.full((9,), torch.nan)}
    with pytest.raises(ModelError, match=r"experts\.0\.3\.bias.*training failed"):
        save_bundle(tmp_path / "m.safetensors", CARD, broken)
    with pytest.raises(ModelError, match="are not those of"):
        save_bundle(tmp_path / "m.safetensors", CARD, {"a": torch.zeros(1)})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, state: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_text("old")

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_file.os, "fsync", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        save_bundle(path, CARD, state)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_missing_files_and_folders_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no model file" in refused(tmp_path / "absent.safetensors")
    assert "folder" in refused(tmp_path)
    monkeypatch.setitem(model_file.EMBEDDED, "demo", tmp_path / "demo.safetensors")
    for name in ("", "demo"):
        with pytest.raises(ModelError, match="train-demo"):
            load_bundle(name)


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was read",))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_are_refused_unread(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "model").write_bytes(pickle.dumps(_Bomb(), protocol=protocol) + b"\0" * 64)
    assert "import_weights" in refused(tmp_path / "model")


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_checkpoints_are_refused_unread(tmp_path: Path, zipped: bool) -> None:
    torch.save({"state_dict": _Bomb()}, tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
    (tmp_path / "m.pt").rename(tmp_path / "m.safetensors")
    assert "import_weights" in refused(tmp_path / "m.safetensors")


@pytest.mark.parametrize("content", [b"", b"\x05", b"hello world, this is text", b"\xff" * 100, b"\0" * 100])
def test_other_files_are_not_bundles(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    assert "not a .safetensors bundle" in refused(tmp_path / "m.safetensors")


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[1]", b"{" + b" " * 50, b'{"a": \xff}'])
def test_headers_that_are_not_objects(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "m").write_bytes(struct.pack("<Q", len(text)) + text)
    assert "not a .safetensors bundle" in refused(tmp_path / "m")


def test_a_huge_declared_header_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(struct.pack("<Q", 2**62) + b"{}" * 100)
    assert "not a .safetensors bundle" in refused(tmp_path / "m")


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 0.9999))
def test_truncated_files_are_refused(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, share: float
) -> None:
    path = tmp_path_factory.mktemp("cut") / "m.safetensors"
    path.write_bytes(good[: int(len(good) * share)])
    assert "truncated" in refused(path) or len(path.read_bytes()) < 8


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format_version": 2}, "has format 2, this version reads 1"),
        ({"format_version": "x"}, "format_version"),
        ({"window": -1}, "window"),
        ({"window": 10**9}, "window"),
        ({"window": 8192, "gsd_m": float("nan")}, "gsd_m"),
        ({"gsd_m": float("inf")}, "gsd_m"),
        ({"architecture__expert_channels": 10**9}, "architecture.expert_channels"),
        ({"architecture__encoder": "tu-hf-hub:somebody/model"}, "architecture.encoder"),
        ({"architecture__encoder": "../../etc/passwd"}, "architecture.encoder"),
        ({"architecture__encoder": "tu-vit_giant_patch14_dinov2"}, "tu-vit_giant_patch14_dinov2"),
        ({"architecture__encoder": "tu-resnext101_32x8d"}, "are not those of"),
        ({"architecture__expert_channels": 17}, "are not those of"),
        ({"aggregation": "oracle"}, "aggregation"),
        ({"window": 8192, "stride": 8192}, "does not fit in memory"),
        ({"sources": []}, "sources"),
        ({"surprise": 1}, "surprise"),
        ({"bad\nkey\x1b[31m": 1}, "bad\\?key"),
    ],
)
def test_wrong_cards_name_the_field(tmp_path: Path, good: bytes, changes: dict[str, Any], says: str) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(with_card(good, **changes))
    with pytest.raises(ModelError, match=says):
        load_bundle(path)
    refused(path)


def test_absurd_but_valid_cards_allocate_nothing(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(with_card(good, architecture__expert_channels=2048, architecture__decoder_channels=2048))
    assert "are not those of" in refused(path)
    arch = CARD.architecture.model_copy(update={"expert_channels": 2048, "decoder_channels": 2048})
    parameters = list(bundle._mapping_skeleton(CARD.model_copy(update={"architecture": arch})).parameters())
    assert sum(p.numel() for p in parameters) > 100e6
    assert sum(p.numel() for p in parameters if p.device.type != "meta") == 0


@pytest.mark.parametrize("metadata", [None, {}, {CARD_KEY: "{"}, {CARD_KEY: "[]"}, {CARD_KEY: "{" * 99999}])
def test_files_without_a_card_are_not_bundles(tmp_path: Path, good: bytes, metadata: Any) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(with_header(good, lambda header: header.update(__metadata__=metadata)))
    assert "card" in refused(path)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"dtype": "F16", "shape": 3},
        {"dtype": "X9", "shape": [9]},
        {"dtype": "F16", "shape": [10**30]},
    ],
)
def test_odd_tensor_entries_are_refused(tmp_path: Path, good: bytes, entry: Any) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(with_header(good, lambda header: header.update({"experts.0.3.bias": entry})))
    refused(path)


def test_overlapping_or_missing_data_is_refused(tmp_path: Path, good: bytes) -> None:
    def shift(header: dict[str, Any]) -> None:
        header["experts.0.3.bias"]["data_offsets"] = [0, 36]

    path = tmp_path / "m.safetensors"
    path.write_bytes(with_header(good, shift))
    assert "damaged" in refused(path)
    path.write_bytes(good + b"more")
    assert "damaged" in refused(path)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(good[:-4] + b"\xff" * 4)  # the last tensor is made of floats
    assert "not finite" in refused(path)


def test_the_card_travels_as_json(good: bytes) -> None:
    length = struct.unpack("<Q", good[:8])[0]
    metadata = json.loads(good[8 : 8 + length])["__metadata__"]
    assert list(metadata) == [CARD_KEY]
    assert ModelCard.model_validate_json(metadata[CARD_KEY]) == CARD
