"""The IDX format of MNIST: big-endian magic 0x0000 08 rank, the extents as 32-bit integers, then the bytes.

THE MNIST DATABASE of handwritten digits (LeCun, Cortes, Burges, 1998) http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from gvae.errors import GvaeError


def read_bytes(file: Path) -> bytes:
    """Content of a file, unpacked if it is gzipped (by its first bytes, whatever its name).

    Raises:
        GvaeError: cut or corrupt compressed data, or an unreadable file.
    """
    try:
        data = file.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise GvaeError(f"{file} is cut or corrupt ({error}); delete it and fetch it again") from error


def parse(data: bytes, rank: int, where: Path | str) -> np.ndarray:
    """An array of bytes from the content of an IDX file.

    Args:
        rank: 3 for images (N, H, W), 1 for labels (N,).
        where: the file, for messages.

    Raises:
        GvaeError: another magic number, or more or fewer bytes than the header announces.

    >>> parse(b"\\0\\0\\x08\\x01\\0\\0\\0\\x02" + bytes([7, 9]), 1, "labels").tolist()
    [7, 9]
    """
    start = 4 + 4 * rank
    magic = bytes([0, 0, 8, rank])
    if data[:4] != magic or len(data) < start:
        raise GvaeError(
            f"{where} is not an IDX file of rank {rank}: it begins with {data[:4].hex() or 'nothing'}, "
            f"not {magic.hex()}; put the official file there"
        )
    shape = struct.unpack(f">{rank}I", data[4:start])
    if len(data) - start != math.prod(shape):
        raise GvaeError(
            f"{where} is cut or corrupt: its header announces {' x '.join(map(str, shape))} bytes, "
            f"{len(data) - start} follow; delete it and fetch it again"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def write(file: Path, array: np.ndarray) -> None:
    """Write a uint8 array as IDX, gzipped (always to the same bytes) if the name ends in .gz."""
    data = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    file.write_bytes(gzip.compress(data, mtime=0) if file.suffix == ".gz" else data)
