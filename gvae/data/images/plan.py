"""What becomes of image files: side and channels of the result, with a note on all that changes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from gvae.data.arrays.pixels import Header

MIXED = 64
"""side in pixels that images of mixed sizes are brought to if none is given"""
LARGE = 256
"""side in pixels above which a note says that training will be slow"""


def plan(headers: Mapping[Header, int], size: int | None, fit: str, channels: int | None) -> tuple[int, int, list[str]]:
    """Side and channels of the result, and notes on everything that changes the images.

    Args:
        headers: how many images have each kind of header.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    for header, count in headers.items():
        sizes[header.size] += count
    side, notes = _side(sizes, size, fit)
    depth = channels or (3 if any(header.colour for header in headers) else 1)

    def total(changed: Callable[[Header], object]) -> int:
        return sum(count for header, count in headers.items() if changed(header))

    counts = {
        f"images of another size, brought to {side}x{side} ({fit})": total(lambda h: h.size != (side, side)),
        f"images with a side below {side} pixels, enlarged": total(lambda h: min(h.size) < side),
        "images with colours, turned gray": total(lambda h: depth == 1 and h.colour),
        "images without colours, given three equal channels": total(lambda h: depth == 3 and not h.colour),
        "images of 16 bits, scaled to 8 bits (65535 becomes 255)": total(lambda h: h.deep),
        "images in the colours of a print (CMYK), turned into RGB without a profile": total(lambda h: h.inks),
        "images with transparency, laid on white": total(lambda h: h.alpha),
        "files of several pictures, of which the first was taken": total(lambda h: h.frames > 1),
    }
    return side, depth, [*notes, *[f"{what}: {count}" for what, count in counts.items() if count]]


def _side(sizes: Counter[tuple[int, int]], size: int | None, fit: str) -> tuple[int, list[str]]:
    """Side of the result in pixels, with a note where it was chosen for the user."""
    if size is not None or not sizes:
        return size or MIXED, []
    if len(sizes) > 1:
        common = ", ".join(f"{count} of {w}x{h}" for (w, h), count in sizes.most_common(3))
        return MIXED, [
            f"the images have {len(sizes)} sizes ({common}{', ...' if len(sizes) > 3 else ''}) "
            f"and no --size was given: chose {MIXED}x{MIXED}"
        ]
    (alike,) = sizes
    side = max(alike) if fit == "pad" else min(alike)
    slow = f"images of {side}x{side} pixels train slowly; --size 64 or --size 128 gives a result sooner"
    return side, [slow] if side > LARGE else []
