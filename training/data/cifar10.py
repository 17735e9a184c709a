"""CIFAR-10 read from one archive of image files, and the training sets in which one class is made rare."""

import lzma
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ...core.base.errors import InputError

_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures uint8 `[N, 3, H, W]` and their classes int64 `[N]`, 0..C-1."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def take(self, chosen: NDArray[np.intp]) -> "ImageSet":
        """Return the samples at these positions."""
        return ImageSet(self.images[chosen], self.labels[chosen])


@dataclass(frozen=True, eq=False)
class Cifar10:
    """The whole dataset; class `c` of the labels is `names[c]`, names in alphabetical order."""

    names: tuple[str, ...]
    training: ImageSet
    test: ImageSet


def read_cifar10(archive: Path) -> Cifar10:
    """Read a tar file, compressed or not, with members `train|test/<class name>/<any name>.jpg|png`.

    Samples are in the order of their member names, whatever their order in the archive.

    Raises:
        InputError: if the archive cannot be read, a part or class is missing, or pictures differ in size.
    """
    pictures: dict[str, NDArray[np.uint8]] = {}
    try:
        with tarfile.open(archive) as tar:  # from first to last: an xz archive cannot be read otherwise
            pictures.update(_pictures(tar))
    except (tarfile.TarError, lzma.LZMAError, OSError, EOFError, UnidentifiedImageError) as error:
        raise InputError(f"The pictures in {archive} cannot be read ({error}).") from error
    names = tuple(sorted({name.split("/")[1] for name in pictures}))
    parts = [_image_set(pictures, part, names, archive) for part in ("train", "test")]
    return Cifar10(names, *parts)


def thin_out(labels: NDArray[np.int64], rare: int, share: float, rng: Generator) -> NDArray[np.intp]:
    """Return the positions that stay when all but a random `share` of class `rare` is left out, ascending.

    Raises:
        InputError: if no sample of the class would stay.
    """
    members = np.flatnonzero(labels == rare)
    kept = round(share * len(members))
    if not kept:
        raise InputError(f"A share of {share} leaves none of the {len(members)} samples of class {rare}.")
    chosen = rng.choice(members, kept, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(labels != rare), chosen]))


def _pictures(tar: tarfile.TarFile) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for member in tar:
        path = PurePosixPath(member.name)
        file = tar.extractfile(member) if path.suffix.lower() in _SUFFIXES and len(path.parts) == 3 else None
        if file is not None:
            with Image.open(file) as picture:
                yield str(path), np.asarray(picture.convert("RGB")).transpose(2, 0, 1)


def _image_set(
    pictures: dict[str, NDArray[np.uint8]], part: str, names: tuple[str, ...], archive: Path
) -> ImageSet:
    members = sorted(name for name in pictures if name.startswith(f"{part}/"))
    labels = np.array([names.index(name.split("/")[1]) for name in members], dtype=np.int64)
    if len(set(labels.tolist())) != len(names) or not names:
        raise InputError(
            f"{archive} has no pictures {part}/<class>/*.jpg of every class ({len(names)} found)."
        )
    shapes = {pictures[name].shape for name in members}
    if len(shapes) > 1:
        raise InputError(f"The pictures of {archive} differ in size: {sorted(shapes)}.")
    return ImageSet(np.stack([pictures[name] for name in members]), labels)
