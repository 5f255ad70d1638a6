"""Unbiased squared MMD of two sets from the sums of their kernel matrices, and its variance.

    MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

"A Kernel Two-Sample Test" (Gretton et al., 2012) https://jmlr.org/papers/v13/gretton12a.html, Eq. 3. The variance has
the first-order term of a U-statistic, which vanishes for equal distributions, and the second-order term, which is all
that is left then. Matrices are made a block at a time and never kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gvae.metrics.intervals import half_width, of_distance

BLOCK = 1000

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""rows (A, D) and (B, D) -> kernel matrix (A, B)"""


class Sums(NamedTuple):
    """What is kept of a kernel matrix (N, M): sums of rows (N,) and columns (M,), and of squares.

    That of a set with itself is kept without its diagonal.
    """

    rows: np.ndarray
    columns: np.ndarray
    squares: float
    diagonal: float | None = None
    """mean of the diagonal that is left out; None for two sets"""

    @property
    def itself(self) -> bool:
        """Whether the matrix is that of a set with itself."""
        return self.diagonal is not None

    @property
    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of rows (N,) and columns (M,)."""
        return self.rows / (len(self.columns) - self.itself), self.columns / (len(self.rows) - self.itself)

    @property
    def mean(self) -> float:
        """Mean of all entries."""
        return float(self.means[0].mean())

    @property
    def residual(self) -> float:
        """Variance of the entries that row and column means do not explain."""
        rows, columns = self.means
        explained = (rows**2).mean() + (columns**2).mean() - self.mean**2
        return max(0.0, float(self.squares / (len(rows) * (len(columns) - self.itself)) - explained))


def kernel_sums(a: np.ndarray, b: np.ndarray, kernel: Kernel, block: int = BLOCK) -> Sums:
    """Sums of the kernel matrix of a (N, D) and b (M, D), made block by block; `b is a` leaves out the diagonal."""
    itself = a is b
    rows, columns, squares, diagonal = np.zeros(len(a)), np.zeros(len(b)), 0.0, 0.0
    for i in range(0, len(a), block):
        for j in range(i if itself else 0, len(b), block):
            matrix = kernel(a[i : i + block], b[j : j + block])
            if itself and i == j:
                diagonal += float(np.trace(matrix)) / len(a)
                np.fill_diagonal(matrix, 0)
            across, down = matrix.sum(1, dtype=np.float64), matrix.sum(0, dtype=np.float64)
            rows[i : i + block] += across
            columns[j : j + block] += down
            mirrored = itself and i != j  # the matrix is symmetric: only its upper half is made
            if mirrored:
                rows[j : j + block] += down
                columns[i : i + block] += across
            squares += (1 + mirrored) * float(np.vdot(matrix, matrix))
    return Sums(rows, columns, squares, diagonal if itself else None)


def estimate(xx: Sums, yy: Sums, xy: Sums) -> tuple[float, float]:
    """Unbiased squared MMD, and half its 95 % interval."""
    return xx.mean + yy.mean - 2 * xy.mean, half_width(variance(xx, yy, xy))


def variance(xx: Sums, yy: Sums, xy: Sums) -> float:
    """Variance of the unbiased squared MMD: of the witness function over images, and of what pairs add to that."""
    n, m = len(xx.rows), len(yy.rows)
    x, y = xx.means[0] - xy.means[0], yy.means[0] - xy.means[1]
    first = float(4 * x.var() / n + 4 * y.var() / m)
    second = 2 * xx.residual / n**2 + 2 * yy.residual / m**2 + 4 * xy.residual / (n * m)
    distance = xx.mean + yy.mean - 2 * xy.mean
    bias = sum(((part.diagonal or 0.0) - part.mean) / len(part.rows) for part in (xx, yy))
    return of_distance(first, second, distance + bias, bias)
