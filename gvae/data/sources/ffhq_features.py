"""What an automatic face service estimated of FFHQ's images, as yes-or-no attributes.

FFHQ features https://github.com/DCGM/ffhq-features-dataset: a JSON file for each image, a list with one dict for each
face that was found. The estimates are a machine's, made at a threshold of ours: no ground truth.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gvae.errors import GvaeError

FOLDERS = ("features_json", "json", "ffhq-features-dataset/json")
"""names of the folder of JSON files"""
RULES: dict[str, tuple[str, str | bool | float]] = {
    "Male": ("gender", "male"),
    "Adult": ("age", 17.5),
    "Smiling": ("smile", 0.5),
    "Reading_Glasses": ("glasses", "ReadingGlasses"),
    "Sunglasses": ("glasses", "Sunglasses"),
    "Mustache": ("facialHair.moustache", 0.5),
    "Beard": ("facialHair.beard", 0.5),
    "Sideburns": ("facialHair.sideburns", 0.5),
    "Bald": ("hair.bald", 0.5),
    "Black_Hair": ("hair.hairColor", "black"),
    "Blond_Hair": ("hair.hairColor", "blond"),
    "Brown_Hair": ("hair.hairColor", "brown"),
    "Gray_Hair": ("hair.hairColor", "gray"),
    "Red_Hair": ("hair.hairColor", "red"),
    "Headwear": ("accessories", "headwear"),
    "Eye_Makeup": ("makeup.eyeMakeup", True),
    "Lip_Makeup": ("makeup.lipMakeup", True),
}
"""attributes: the field of faceAttributes, and the word it must be or the number it must exceed (age in years)"""


def read_features(folder: Path, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Attributes of images.

    Args:
        folder: where NAME.json are.
        names: (N,) the images, without ending.

    Returns:
        (N, A) uint8 of 0 and 1 in the order of `RULES`, and notes. Where no face was found all are 0.

    Raises:
        GvaeError: a file that is missing, no JSON, or without one of the fields.
    """
    missing = [name for name in names if not (folder / f"{name}.json").is_file()]
    if missing:
        raise GvaeError(
            f"{folder / missing[0]}.json is missing ({len(missing)} of {len(names)} images have none); get the whole "
            "folder, or move it away to read the images without attributes"
        )
    attributes, empty = np.zeros((len(names), len(RULES)), np.uint8), []
    for i, name in enumerate(names):
        faces = _faces(folder / f"{name}.json")
        if faces:
            attributes[i] = _attributes(faces, folder / f"{name}.json")
        else:
            empty.append(name)
    notes = ["attributes are a machine's estimates, at the thresholds of gvae.data.sources.ffhq_features.RULES"]
    if empty:
        listed = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        notes.append(f"images without a face for that machine, all their attributes 0: {len(empty)} ({listed})")
    return attributes, notes


def _faces(file: Path) -> list[dict[str, Any]]:
    """The faces of one file."""
    try:
        faces = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GvaeError(f"{file} cannot be read as JSON ({error}); get it again") from error
    if not isinstance(faces, list) or not all(isinstance(face, dict) for face in faces):
        raise GvaeError(f"{file} is no list of faces; get it again")
    return faces


def _attributes(faces: list[dict[str, Any]], file: Path) -> list[bool]:
    """Attributes of the largest face, which the image is centred on."""
    try:
        face = max(faces, key=lambda face: face["faceRectangle"]["width"] * face["faceRectangle"]["height"])
        return [_holds(face["faceAttributes"], *rule) for rule in RULES.values()]
    except (KeyError, TypeError) as error:
        raise GvaeError(
            f"{file} lacks a field of a face or holds another type in it ({type(error).__name__}: {error}); get it again"
        ) from error


def _holds(face: dict[str, Any], field: str, wanted: str | bool | float) -> bool:
    """Whether a field is the word or exceeds the number.

    Of hair colours the surest counts, of accessories each that was seen.

    >>> hair = [{"color": "red", "confidence": 0.6}, {"color": "brown", "confidence": 0.9}]
    >>> _holds({"hair": {"hairColor": hair}}, "hair.hairColor", "red")
    False
    """
    value: Any = face
    for key in field.split("."):
        value = value[key]
    if field == "hair.hairColor":
        return bool(value) and max(value, key=lambda seen: seen["confidence"])["color"] == wanted
    if field == "accessories":
        return any(seen["type"] == wanted for seen in value)
    return value == wanted if isinstance(wanted, str | bool) else value > wanted
