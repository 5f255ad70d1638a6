"""Training steps and importance weighting against other implementations; "" where there are no rows yet."""

from __future__ import annotations

from benchmarks.rows import Row, read
from benchmarks.tables.text import commands, origin
from gvae.reproduce.table import pipes

STEP = """## One training step

All turns of a round, with the same networks, batch, losses and optimisers. `gvae train` uses bf16 where the processor has
instructions for it; the gain differs between processors. Without bf16 it still saves forward passes that several players
share. A VAE, a WGAN and a WGAN-GP have none to share, so a loop by hand is as fast there: a VAE's step already runs at more
than half of the processor's convolution peak ([below](#speed-of-the-training-loop))."""


def engine() -> str:
    """The training loop against loops written by hand: a table for each processor."""
    tables = [loops(row) for row in read("engine").values()]
    about = "The training loop of `gvae train` against loops written by hand, of the same networks, by turns in one process."
    return "\n\n".join(["## Speed of the training loop", about, *tables]) if tables else ""


def loops(row: Row) -> str:
    """One table of `engine`."""
    titles = ["model", "`gvae train`, images/s", "by hand, images/s", "ratio (median of rounds)", "of convolution peak"]
    lines = [
        [
            name,
            f"{found['trainer_images_per_second']:.0f}",
            f"{found['by_hand_images_per_second']:.0f}",
            f"**{found['ratio_median']:.2f}**",
            f"{found['fraction_of_convolution_peak']:.0%}",
        ]
        for name, found in row["rows"].items()
    ]
    peak = f"peak {row['convolution_peak_gflops']} GFLOP/s on one 3x3 convolution"
    return f"{pipes([titles, *lines])}\n\n{origin(row, peak)}"


def step() -> str:
    """One training step against textbook loops and other libraries: a table for each processor."""
    tables = [steps(row) for row in read("step").values()]
    return "\n\n".join([STEP, *tables]) if tables else ""


def steps(row: Row) -> str:
    """One table of `step`."""
    titles = ["model", "`gvae train`, ms", "textbook or library, ms", "ratio (median of rounds)", "range"]
    lines = [
        [
            f"{name}, {found['data']}",
            f"{1000 * found['trainer_seconds']:.1f}",
            f"{1000 * found['by_hand_seconds']:.1f}",
            f"**{found['ratio_median']:.2f}**",
            f"{found['ratio_min_max'][0]:.2f} to {found['ratio_min_max'][1]:.2f}",
        ]
        for name, found in row["rows"].items()
    ]
    return f"{pipes([titles, *lines])}\n\n{origin(row)}"


def weighing() -> str:
    """Speed of importance weighting against a bare decoder, and against Pythae."""
    beside = {
        "weights": "the decoder's bare forward pass over as many codes",
        "pythae_nll": "Pythae's `get_nll`, the same encoder and decoder",
    }
    lines = [
        [commands(row), what, f"**{row['ratio_median']:.2f}**", values(row)]
        for name, what in beside.items()
        for row in read(name).values()
    ]
    titles = ["command", "compared with", "our speed over theirs (median of rounds)", "our value and theirs"]
    about = (
        "Timed by turns in one process. 1.00 is the limit of the first row; what is above it is noise of a machine that did "
        "other work as well."
    )
    return f"## Importance weighting\n\n{about}\n\n{pipes([titles, *lines])}" if lines else ""


def values(row: Row) -> str:
    """Our estimate and Pythae's; empty for a row without them."""
    if "values" not in row:
        return ""
    pairs = [f"{row['values'][name]:.2f} ± {row['standard_error'][name]:.2f}" for name in ("gvae", "pythae")]
    return f"{' and '.join(pairs)} nats"
