"""Images per second of `gvae data prepare` against a plain Pillow loop on one core, side by side in one process.

    GVAE_DATA=... python -m benchmarks.data.prepare            # some 10 minutes

plain:      open, convert, cut to the middle, scale (Lanczos), store in a memory-mapped .npy; one core, nothing else.
gvae:       all of `gvae.data.prepare`: headers and checksums of all files, decoding on all cores, a journal that
            survives a kill, splits, checksum of the result.
processes:  the plain loop's work in a pool of processes, what threads were chosen against.
ceiling:    the plain loop's decoding alone, shared out beforehand to a process per core; nothing is stored or sent. What
            the machine's cores give: less than their number where they are the threads of one.

The images are the LSUN bedrooms below GVAE_DATA: loose JPEGs, and the LMDB. Rounds alternate, and the median of the
ratios is reported, because a shared machine drifts; processor seconds per image, those of child processes included, tell
what it costs besides waiting. The peak of memory is that of a process that does nothing but prepare.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from io import BytesIO
from itertools import islice
from multiprocessing import Process
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.rows import Row, about, show
from benchmarks.script import parser, typed
from benchmarks.timing import ratio
from gvae.data import prepare
from gvae.data.arrays.parallel import cores

ALONE = """
import re, sys
from pathlib import Path
from gvae.data import prepare

prepare(sys.argv[1], sys.argv[2], size=int(sys.argv[3]))
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
"""prepares and prints its peak of memory in KiB; getrusage would count what this process takes, too"""
COPIES = 5
"""times that the folder's 200 images are read in a round"""


def square(data: bytes, size: int) -> np.ndarray:
    """What a tutorial does with an image."""
    image = Image.open(BytesIO(data)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


def store(images: Iterable[np.ndarray], count: int, size: int, out: Path) -> np.ndarray:
    """Keep images in a memory-mapped file."""
    shape = (count, size, size, 3)
    array = np.lib.format.open_memmap(out, mode="w+", dtype=np.uint8, shape=shape)
    for i, image in enumerate(images):
        array[i] = image
    array.flush()
    return array


def plain(values: Callable[[], Iterator[bytes]], count: int, size: int, out: Path) -> np.ndarray:
    """One core."""
    return store((square(data, size) for data in values()), count, size, out)


def processes(values: Callable[[], Iterator[bytes]], count: int, size: int, out: Path) -> np.ndarray:
    """A pool of processes."""
    with ProcessPoolExecutor(cores()) as pool:
        return store(pool.map(partial(square, size=size), values(), chunksize=16), count, size, out)


def ceiling(values: Callable[[], Iterator[bytes]], count: int, size: int, out: Path) -> np.ndarray:
    """A process per core, each with its share of the images; the result is empty."""
    shares = [Process(target=decoded, args=(values, start, size)) for start in range(cores())]
    for share in shares:
        share.start()
    for share in shares:
        share.join()
    return store((), 0, size, out)


def decoded(values: Callable[[], Iterator[bytes]], start: int, size: int) -> None:
    """Decode the images `start`, `start` + cores and so on, and let go of them."""
    for data in islice(values(), start, None, cores()):
        square(data, size)


def ours(source: str, root: Path, size: int, out: Path) -> np.ndarray:
    """The pipeline."""
    return np.asarray(prepare(source, out, root, size=size).images)


def files(folder: Path) -> Iterator[bytes]:
    """Content of the files of a folder, in order."""
    return (path.read_bytes() for path in sorted(folder.iterdir()))


def entries(folder: Path) -> Iterator[bytes]:
    """Values of an LMDB, in order."""
    import lmdb

    with lmdb.open(str(folder), readonly=True, lock=False) as database, database.begin() as reading:
        yield from (value for _, value in reading.cursor())


def timed(make: Callable[[Path], np.ndarray], folder: Path) -> tuple[float, float, np.ndarray]:
    """Seconds, processor seconds, and the images; what was written is removed."""
    out = folder / "out"
    start, used = time.perf_counter(), sum(os.times()[:4])
    images = make(out)
    seconds, processor_seconds = time.perf_counter() - start, sum(os.times()[:4]) - used
    shutil.rmtree(out) if out.is_dir() else out.unlink()
    return seconds, processor_seconds, images


def measure(makers: dict[str, Callable[[Path], np.ndarray]], rounds: int, folder: Path) -> Row:
    """Alternate the makers; images per second, and how much faster than the plain loop."""
    first = {name: timed(make, folder)[2] for name, make in makers.items()}  # warms the caches, too
    same = bool((first["gvae"] == first["plain"]).all())
    count = len(first["plain"])
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            times[name].append(timed(make, folder)[:2])
    row: Row = {"images": count, "same_bytes": same}
    alone = [passed for passed, _ in times["plain"]]
    for name, pairs in times.items():
        row[name] = {
            "images_per_second": round(count / statistics.median(a for a, _ in pairs), 1),
            "processor_ms_per_image": round(1000 * statistics.median(b for _, b in pairs) / count, 3),
            **ratio(alone, [passed for passed, _ in pairs]),
        }
    return row


def peak(source: str, size: int, folder: Path) -> float:
    """Megabytes of memory that a process takes to prepare a source, libraries included."""
    out = folder / "out"
    words = [sys.executable, "-c", ALONE, source, str(out), str(size)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    shutil.rmtree(out)
    return round(int(done.stdout) * 1024 / 1e6, 1)


def makers(
    source: str, root: Path, values: Callable[[], Iterator[bytes]], size: int
) -> dict[str, Callable[[Path], np.ndarray]]:
    """The ways to prepare one source."""
    count = sum(1 for _ in values())
    loops = {loop.__name__: partial(loop, values, count, size) for loop in (plain, processes, ceiling)}
    return {"plain": loops["plain"], "gvae": partial(ours, source, root, size), **loops}


def main() -> None:
    """Measure, print and keep the row of this processor."""
    options = parser(__doc__, dry=True)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--sizes", type=int, nargs="*", default=[256, 64])
    o = options.parse_args()
    if "GVAE_DATA" not in os.environ:
        raise SystemExit("GVAE_DATA must name the folder that holds lsun_bedroom_subset")
    rows = everything(Path(os.environ["GVAE_DATA"]) / "lsun_bedroom_subset", o.rounds, o.sizes)
    row = about(typed("data.prepare", rounds=o.rounds, sizes=o.sizes), note=o.note)
    show("prepare", row["processor"], row | {"cores": cores(), "rows": rows}, o.dry)


def everything(root: Path, rounds: int, sizes: list[int]) -> dict[str, Row]:
    """Folder and LMDB at every size, of the subset below `root`."""
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        folder, photos = Path(name), Path(name) / "photos"
        photos.mkdir()
        for path in sorted((root / "bedroom_jpg").iterdir()):
            for copy in range(COPIES):
                shutil.copy(path, photos / f"{copy}-{path.name}")
        database = root / "bedroom_train_lmdb"
        stored = list(entries(database))  # LMDB may be open once only in a process
        for size in sizes:
            folders = makers(str(photos), root, partial(files, photos), size)
            rows[f"folder, {size} pixels"] = measure(folders, rounds, folder)
            entry = makers(f"lsun:{database}", root, partial(iter, stored), size)
            rows[f"lmdb, {size} pixels"] = {
                **measure(entry, rounds, folder),
                "peak_megabytes": peak(f"lsun:{database}", size, folder),
            }
    return rows


if __name__ == "__main__":
    main()
