import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mce_landcover.core.base.errors import InputError, ModelError
from mce_landcover.core.base.progress import SilentReporter
from mce_landcover.core.model.bundle import load_bundle
from mce_landcover.training.authors import authors_card, import_checkpoint, read_checkpoint, translate
from mce_landcover.training.data.shared import shared_data
from torch import Tensor
from torch.nn import functional as F

pytestmark = pytest.mark.slow

EXPERTS = ("head", "body", "tail")


def published_shapes() -> dict[str, list[int]]:
    file = shared_data() / "authors_mce_state_dict.json"
    if not file.exists():
        pytest.skip("the shared data are not here")
    return {name: shape for name, shape, _ in json.loads(file.read_text())}


@pytest.fixture(scope="module")
def theirs() -> dict[str, Tensor]:
    """Random tensors of the published names and shapes, scaled so that nothing vanishes on the way."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in published_shapes().items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif len(shape) == 4:
            fan_in = shape[1] * shape[2] * shape[3]
            state[name] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        elif name.endswith("running_var") or (name.endswith("weight") and "bn3" not in name):
            state[name] = 0.5 + torch.rand(shape, generator=generator)
        else:
            state[name] = 0.2 * torch.randn(shape, generator=generator)
    return state


def described_network(w: dict[str, Tensor], x: Tensor) -> Tensor:
    """The published network of docs/science/methods.md section 1 in plain functions: `[B, 3, 10, H, W]`."""

    def norm(name: str, z: Tensor) -> Tensor:
        mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
        return F.batch_norm(z, mean, var, w[f"{name}.weight"], w[f"{name}.bias"])

    def block(name: str, z: Tensor, stride: int, dilation: int) -> Tensor:
        y = norm(f"{name}.bn1", F.conv2d(z, w[f"{name}.conv1.weight"])).relu()
        y = F.conv2d(y, w[f"{name}.conv2.weight"], stride=stride, padding=dilation, dilation=dilation)
        y = norm(f"{name}.bn3", F.conv2d(norm(f"{name}.bn2", y).relu(), w[f"{name}.conv3.weight"]))
        if f"{name}.downsample.0.weight" in w:
            z = norm(f"{name}.downsample.1", F.conv2d(z, w[f"{name}.downsample.0.weight"], stride=stride))
        return (y + z).relu()

    def unit(name: str, z: Tensor, first: int = 0, dilation: int = 1) -> Tensor:
        weight = w[f"{name}.{first}.weight"]
        padding = dilation if weight.shape[-1] == 3 else 0
        z = F.conv2d(z, weight, padding=padding, dilation=dilation)
        return norm(f"{name}.{first + 1}", z).relu()

    z = norm("backbone.bn1", F.conv2d(x, w["backbone.conv1.weight"], stride=2, padding=3)).relu()
    z = F.max_pool2d(z, 3, stride=2, padding=1)
    stages = ((1, 3, 1, (1, 1)), (2, 4, 2, (1, 1)), (3, 6, 1, (1, 2)), (4, 3, 1, (2, 4)))
    low = z
    for stage, blocks, stride, dilations in stages:
        for i in range(blocks):
            z = block(f"backbone.layer{stage}.{i}", z, 1 if i else stride, dilations[min(i, 1)])
        low = z if stage == 1 else low
    aspp = "classifier.aspp"
    views = [unit(f"{aspp}.convs.0", z)]
    views += [unit(f"{aspp}.convs.{i}", z, dilation=rate) for i, rate in ((1, 12), (2, 24), (3, 36))]
    pooled = unit(f"{aspp}.convs.4", z.mean((2, 3), keepdim=True), first=1)
    views.append(F.interpolate(pooled, size=z.shape[2:], mode="bilinear", align_corners=False))
    high = unit(f"{aspp}.project", torch.cat(views, 1))
    low = unit("classifier.project", low)
    high = F.interpolate(high, size=low.shape[2:], mode="bilinear", align_corners=False)
    joined = torch.cat([low, high], 1)
    logits = []
    for expert in (f"classifier.expert_{name}" for name in EXPERTS):
        y = norm(f"{expert}.bn1", F.conv2d(joined, w[f"{expert}.cnn1.weight"], padding=1)).relu()
        y = F.conv2d(y, w[f"{expert}.cnn2.weight"], w[f"{expert}.cnn2.bias"])
        logits.append(F.interpolate(y, size=x.shape[2:], mode="bilinear", align_corners=False))
    return torch.stack(logits, 1)


def test_the_bundle_computes_what_the_methods_describe(theirs: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "model.pth"
    torch.save({"state_dict": theirs, "epoch": 3, "best": np.float64(0.7), "optimizer": {"lr": 1e-4}}, file)
    import_checkpoint(file, tmp_path / "model.safetensors", SilentReporter())
    bundle = load_bundle(tmp_path / "model.safetensors")
    assert (bundle.card.window, bundle.card.stride, bundle.card.gsd_m) == (200, 100, 0.5)
    x = torch.randn(1, 4, 72, 72, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours, expected = bundle.network()(x), described_network(theirs, x)
    assert ours.shape == (1, 3, 9, 72, 72) and float(expected.std()) > 0.1
    torch.testing.assert_close(ours, expected[:, :, 1:], rtol=1e-3, atol=1e-3)


def test_every_tensor_finds_its_place(theirs: dict[str, Tensor]) -> None:
    ours = translate(theirs, Path("model.pth"))
    assert len(ours) == len(theirs) == 384
    assert sum(t.numel() for t in theirs.values()) > 41.2e6
    assert torch.equal(ours["encoder.conv1.weight"], theirs["backbone.conv1.weight"])
    for k, name in enumerate(EXPERTS):
        kept = ours[f"experts.{k}.3.bias"]
        assert torch.equal(kept, theirs[f"classifier.expert_{name}.cnn2.bias"][1:])


def test_parallel_trainings_and_bare_tables_are_read(theirs: dict[str, Tensor], tmp_path: Path) -> None:
    some = dict(list(theirs.items())[:3])
    torch.save({f"module.{name}": tensor for name, tensor in some.items()}, tmp_path / "bare.pth")
    assert read_checkpoint(tmp_path / "bare.pth").keys() == some.keys()


class Trap:
    def __reduce__(self) -> Any:
        return print, ("executed",)


def test_what_is_not_the_published_file_is_refused(
    theirs: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"state_dict": theirs, "trap": Trap()}, tmp_path / "trap.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("no checkpoint")
    for name, sentence in (("trap", "not trusted"), ("list", "no table"), ("text", "cannot be read")):
        with pytest.raises(ModelError, match=sentence):
            read_checkpoint(tmp_path / f"{name}.pth")
    assert "executed" not in capsys.readouterr().out
    with pytest.raises(InputError, match="no checkpoint"):
        read_checkpoint(tmp_path / "none.pth")
    first = "backbone.conv1.weight"
    for changed, sentence in (
        ({**theirs, "backbone.fc.weight": torch.zeros(1)}, "'backbone.fc.weight'"),
        ({**theirs, "head.weight": torch.zeros(1)}, "the tensor 'head.weight'"),
        ({**theirs, first: torch.zeros(64, 3, 7, 7)}, r"shape \(64, 3, 7, 7\)"),
        ({k: v for k, v in theirs.items() if k != first}, "lacks 1 tensors"),
    ):
        with pytest.raises(ModelError, match=sentence):
            translate(changed, Path("model.pth"))


def test_the_card_has_the_published_inputs_and_groups() -> None:
    card = authors_card("model.pth")
    assert card.source("image").normalisation.mean == (0.5585, 0.5771, 0.5543)
    assert card.source("dem").normalisation.kind == "window_min"
    assert [len(e.classes) for e in card.experts] == [9, 5, 2]
    assert sum(card.pixel_counts) == pytest.approx(1e6, rel=1e-3)
