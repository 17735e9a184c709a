import subprocess
import sys

import pytest
from mce_landcover.core.model.torch_setup import declare_torchvision_operators, segmentation_models

pytestmark = pytest.mark.slow


def test_torchvision_and_smp_import_beside_this_torch() -> None:
    code = (
        "from mce_landcover.core.model.torch_setup import declare_torchvision_operators as d; d();"
        "import torch, torchvision; assert hasattr(torch.ops.torchvision, 'nms')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=120)


def test_a_second_call_changes_nothing() -> None:
    assert declare_torchvision_operators() == declare_torchvision_operators()
    assert segmentation_models() is segmentation_models()
