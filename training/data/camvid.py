"""CamVid street scenes as areas: frames of a fixed camera with 11 classes. What is learnt from them does not
live here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ...core.base.errors import InputError
from ...core.model.classes import BACKGROUND, load_catalogue
from .tiles import Area

Part = Literal["train", "val", "test"]
CATALOGUE = "camvid"
#: The label of unlabelled pixels in the annotations.
VOID = 11
_SUFFIXES = (".webp", ".png", ".jpg")


@dataclass(frozen=True)
class Frame:
    """A picture by name; `area.raw` is RGB 0..255, `area.labels` ids of the catalogue, 0 = void."""

    name: str
    area: Area

    @property
    def sequence(self) -> str:
        """The film it was taken from."""
        return self.name.split("_")[0]


def read_frames(folder: Path, part: Part, size: tuple[int, int] | None = None) -> list[Frame]:
    """Read the frames that `<part>.txt` lists, one name per line, in its order.

    A picture is `<part>/<name>.webp` (or .png, .jpg), its annotation `<part>annot/<name>.png` with the codes
    of the catalogue and 11 for void.

    Args:
        size: (rows, columns) to bring frames to, pictures by averaging, annotations by the nearest pixel;
            None leaves them as they are.

    Raises:
        InputError: if a file is missing or broken, has unknown labels, or its picture another size.
    """
    if part not in get_args(Part):
        raise InputError(f"CamVid has the parts train, val and test, not {part!r}.")
    listing = folder / f"{part}.txt"
    try:
        names = listing.read_text(encoding="utf-8").split()
    except OSError as error:
        raise InputError(f"The list {listing} cannot be read ({error.strerror or error}).") from error
    if not names:
        raise InputError(f"The list {listing} names no frame.")
    return [Frame(name, _read_area(folder, part, name, size)) for name in names]


def group_frames(frames: Sequence[Frame], per_group: int) -> NDArray[np.int64]:
    """Return a group `[N]` per frame: runs of `per_group` frames that follow each other in one sequence.

    Neighbouring frames show the same street a second later; folds that part them would be too kind.
    """
    groups, count, current, previous = [], 0, -1, ""
    for frame in frames:
        if frame.sequence != previous or count == per_group:
            count, current, previous = 0, current + 1, frame.sequence
        groups.append(current)
        count += 1
    return np.array(groups, dtype=np.int64)


def _read_area(folder: Path, part: str, name: str, size: tuple[int, int] | None) -> Area:
    picture = next((p for p in _candidates(folder / part, name) if p.exists()), None)
    if picture is None:
        raise InputError(f"The frame {name} is listed, but {folder / part} has no picture of that name.")
    rgb = _open(picture).convert("RGB")
    annotation = folder / f"{part}annot" / f"{name}.png"
    codes = _open(annotation)
    if codes.size != rgb.size:
        raise InputError(f"{annotation} is {codes.size} pixels and its picture {rgb.size}.")
    if size is not None and (size[1], size[0]) != rgb.size:
        rgb = rgb.resize((size[1], size[0]), Image.Resampling.BOX)
        codes = codes.resize((size[1], size[0]), Image.Resampling.NEAREST)
    raw = np.asarray(rgb, dtype=np.float32).transpose(2, 0, 1)
    return Area(np.ascontiguousarray(raw), _class_ids(np.asarray(codes), annotation))


def _class_ids(codes: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    table = np.full(256, 255, dtype=np.uint8)
    table[VOID] = BACKGROUND
    for entry in load_catalogue(CATALOGUE):
        table[list(entry.codes)] = entry.id
    if codes.dtype != np.uint8 or codes.ndim != 2:
        raise InputError(f"{path} is not an image of one byte per pixel.")
    ids = table[codes]
    if (ids == 255).any():
        raise InputError(f"{path} has unknown labels: {sorted(set(codes[ids == 255].tolist()))}.")
    return ids


def _candidates(folder: Path, name: str) -> Iterator[Path]:
    return (folder / f"{name}{suffix}" for suffix in _SUFFIXES)


def _open(path: Path) -> Image.Image:
    try:
        picture = Image.open(path)
        picture.load()
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"The picture {path} cannot be read ({error}).") from error
    return picture
