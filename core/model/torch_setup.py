"""Makes the torch stack importable: the one door to segmentation-models-pytorch and to zennit; and how many
threads it takes. No model lives here.

The torchvision wheel is built for CUDA. Beside a CPU-only torch its operator library does not load, and
`import torchvision` then fails because it describes operators (`nms`, `qnms`) that nobody declared.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[torch.library.Library] = []  # torch forgets a declaration when its Library object dies


def declare_torchvision_operators() -> bool:
    """Declare the operators that `import torchvision` needs, only where its own library fails to load.

    Call before the first import of torchvision, smp, timm or zennit; further calls do nothing.

    Returns:
        True if the schemas were declared here (now or earlier), False if the real library serves them.
    """
    if _declared:
        return True
    if find_spec("torchvision") is None or _library_loads():
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _declared.append(library)
    return True


def _library_loads() -> bool:
    """Tell whether torchvision's compiled operators are, or can be, loaded into this torch."""
    spec = find_spec("torchvision")
    folders = list(spec.submodule_search_locations or []) if spec else []
    libraries = [
        path for folder in folders for path in Path(folder).glob("_C*") if path.suffix in (".so", ".pyd")
    ]
    try:
        for path in libraries:
            torch.ops.load_library(str(path))
    except OSError:
        return False
    return bool(libraries)


def segmentation_models() -> ModuleType:
    """Import and return segmentation_models_pytorch, whichever torch build is installed."""
    declare_torchvision_operators()
    import segmentation_models_pytorch as smp

    return smp


def lrp_rules() -> ModuleType:
    """Import and return zennit, the library of LRP's rules; it imports torchvision."""
    declare_torchvision_operators()
    import zennit

    return zennit


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread for a while: on small tiles and layers, more of them only wait for
    each other (measured: thirteen times the processor time), and the readers need the cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
