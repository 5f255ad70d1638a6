"""Writes small face sets in the official layouts: images whose pixels say which they are, and lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def ramp(seed: int, size: tuple[int, int] = (20, 24)) -> np.ndarray:
    """Random pixels (height, width, 3) uint8 for a size of (width, height)."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def photo(file: Path, seed: int, size: tuple[int, int] = (20, 24)) -> np.ndarray:
    """Write an image, a PNG whatever it is called, so that every pixel is kept."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = ramp(seed, size)
    Image.fromarray(pixels).save(file, "PNG")
    return pixels


def attribute_list(file: Path, columns: Sequence[str], rows: Mapping[str, Sequence[int]]) -> None:
    """Write a list like list_attr_celeba.txt, two blanks before positive values as in the original."""
    lines = [str(len(rows)), " ".join(columns) + " "]
    lines += [f"{name} " + " ".join(f"{value:2d}" for value in values) for name, values in rows.items()]
    file.write_text("\n".join(lines) + "\n")


def pairs(file: Path, rows: Mapping[str, object]) -> None:
    """Write a list like identity_CelebA.txt."""
    file.write_text("".join(f"{name} {value}\n" for name, value in rows.items()))


def celeba(root: Path, count: int = 12, size: tuple[int, int] = (20, 24), ending: str = "jpg") -> Path:
    """CelebA with `count` images of count / 2 people, all in the train part; returns the folder of images."""
    folder = root / "img_align_celeba"
    names = [f"{i:06}.{ending}" for i in range(1, count + 1)]
    for i, name in enumerate(names):
        photo(folder / name, i, size)
    listed = [f"{i:06}.jpg" for i in range(1, count + 1)]
    values = {name: [1 if i % 2 else -1, 1 if i % 3 == 0 else -1] for i, name in enumerate(listed)}
    attribute_list(root / "list_attr_celeba.txt", ["Male", "Smiling"], values)
    pairs(root / "list_eval_partition.txt", dict.fromkeys(listed, 0))
    pairs(root / "identity_CelebA.txt", {name: 100 + i // 2 for i, name in enumerate(listed)})
    return folder
