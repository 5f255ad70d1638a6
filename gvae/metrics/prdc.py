"""Precision, recall, density and coverage: quality and variety, told apart by balls in feature space.

With B(a) the ball around a whose radius reaches a's k-th nearest neighbour in its own set:

    precision  share of generated images inside at least one real ball
    recall     share of real images inside at least one generated ball
    density    mean number of real balls around a generated image, over k (may exceed 1)
    coverage   share of real balls that hold at least one generated image

"Improved Precision and Recall Metric for Assessing Generative Models" (Kynkaanniemi et al., 2019)
https://arxiv.org/abs/1904.06991; "Reliable Fidelity and Diversity Metrics for Generative Models" (Naeem et
al., 2020) https://arxiv.org/abs/2002.09797
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric
from gvae.metrics.frechet import check_features
from gvae.metrics.intervals import REPEATS, halves
from gvae.metrics.neighbours import BLOCK, LISTED, MOST, Nearest, blocks, nearest, squared_distances

K = 5
MANY = 2000
"""images above which half as many splits have to do, for the sake of time"""


def prdc(
    real: np.ndarray, fake: np.ndarray, k: int = K, block: int = BLOCK, intervals: bool = True
) -> dict[str, float]:
    """Precision, recall, density and coverage of two sets of features, each with half its 95 % interval.

    All depend on n, so compare at the same n; the intervals are of the sampling noise about the mean at that n.

    Args:
        real: features (N, F).
        fake: features (M, F).
        k: neighbours that define a ball.
        block: rows compared at a time; memory is block * max(N, M) * 8 bytes, a few times over.
        intervals: whether to find the intervals as well.

    Raises:
        GvaeError: k or fewer rows, or see `frechet.check_features`.

    >>> line = np.arange(10.0)[:, None]
    >>> prdc(line, line + 0.1, k=1)["coverage"], prdc(line, line + 100, k=1)["coverage"]
    (1.0, 0.0)
    """
    check_features(real, fake)
    if min(len(real), len(fake)) <= k:
        raise GvaeError(f"prdc with k = {k} needs more than {k} images; got {len(real)} real, {len(fake)} generated")
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    listed = LISTED if intervals else k
    lists = nearest(real, listed, block), nearest(fake, listed, block)
    balls, balls_fake = (near.radii(k) for near in lists)
    inside, kept = np.zeros(len(fake)), []
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for rows in blocks(len(real), block):
        distance = squared_distances(real[rows], fake)
        held = distance < balls[rows, None]
        inside += held.sum(0)
        covered[rows] = held.any(1)
        recalled[rows] = (distance < balls_fake).any(1)
        if intervals:
            kept.append(close(distance, rows.start, lists[0].squares[rows, -1], lists[1].squares[:, -1]))
    values = {
        "coverage": float(covered.mean()),
        "density": float(inside.mean() / k),
        "precision": float((inside > 0).mean()),
        "recall": float(recalled.mean()),
    }
    return values | errors(Pairs.join(kept), lists, k) if intervals else values


class Pairs(NamedTuple):
    """Real and generated images so near each other that a ball may hold them in some part of the images."""

    real: np.ndarray
    """indices of real images (P,)"""
    fake: np.ndarray
    """indices of generated images (P,)"""
    squares: np.ndarray
    """squared distances (P,)"""

    @classmethod
    def join(cls, parts: list[Pairs]) -> Pairs:
        """All pairs of several blocks."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def within(self, real: np.ndarray, fake: np.ndarray) -> Pairs:
        """The pairs inside the largest of either one's distances, (N, L) and (M, L)."""
        held = (self.squares < real[self.real, -1]) | (self.squares < fake[self.fake, -1])
        return Pairs(*(part[held] for part in self))


def close(distance: np.ndarray, start: int, reach: np.ndarray, reach_fake: np.ndarray) -> Pairs:
    """Pairs of a block of squared distances (B, M) inside either one's largest ball; the block's first row is `start`."""
    rows, columns = np.nonzero((distance < reach[:, None]) | (distance < reach_fake))
    return Pairs((rows + start).astype(np.int32), columns.astype(np.int32), distance[rows, columns])


def errors(pairs: Pairs, lists: tuple[Nearest, Nearest], k: int = K) -> dict[str, float]:
    """Half the 95 % intervals of the four numbers; none where images lie in so few places that pairs are too many."""
    sizes = [len(near.places) for near in lists]
    if len(pairs.real) > MOST or min(sizes) < 4 * (k + 1):
        return {}
    closer = pairs.within(*(near.squares[:, : LISTED // 2] for near in lists))  # neighbours in a half are nearer

    def statistic(*labels: np.ndarray) -> np.ndarray:
        return split(closer if labels[0].max() == 1 else pairs, lists, labels, k)

    widths = halves(statistic, sizes, REPEATS if min(sizes) <= MANY else REPEATS // 2)
    names = ("error", "error_density", "error_precision", "error_recall")
    return dict(zip(names, widths.tolist(), strict=True))


def split(pairs: Pairs, lists: tuple[Nearest, Nearest], labels: tuple[np.ndarray, ...], k: int = K) -> np.ndarray:
    """Coverage, density, precision and recall (G, 4) inside each of G parts of the images.

    Args:
        pairs: real and generated images near each other.
        lists: neighbours of the real images, and of the generated ones.
        labels: the part of each real (N,) and of each generated image (M,), 0 to G - 1.
    """
    parts = int(labels[0].max()) + 1
    same = labels[0][pairs.real] == labels[1][pairs.fake]
    i, j, squares = (values[same] for values in pairs)
    held = squares < lists[0].radii_within(labels[0], k)[i]
    recalled = squares < lists[1].radii_within(labels[1], k)[j]
    return np.stack(
        [
            _share(i[held], labels[0], parts),
            np.bincount(labels[0][i[held]], minlength=parts) / np.bincount(labels[1]) / k,
            _share(j[held], labels[1], parts),
            _share(i[recalled], labels[0], parts),
        ],
        1,
    )


def _share(places: np.ndarray, labels: np.ndarray, parts: int) -> np.ndarray:
    """Share (G,) of each part's images that are among some places."""
    among = np.zeros(len(labels), bool)
    among[places] = True
    return np.bincount(labels, among, parts) / np.bincount(labels, minlength=parts)


METRIC = Metric(
    name="prdc",
    function=prdc,
    needs=("real_features", "fake_features"),
    better="higher",
    summary="coverage (headline), density, precision, recall in classifier features, k = 5",
    paper="Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020) "
    "https://arxiv.org/abs/2002.09797",
    interval="disjoint halves and quarters of the images; jackknife and bootstrap are wrong for nearest neighbours",
    protocol={"k": K},
    minimum=50,
    floor=("real_features", "other_features"),
    floor_function=partial(prdc, intervals=False),
)
