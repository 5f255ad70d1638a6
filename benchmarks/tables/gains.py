"""The table of docs/how-to/choosing-a-model.md: nats gained or lost against the plain VAE."""

from __future__ import annotations

from benchmarks.rows import read
from gvae.reproduce.table import pipes

ADVICE = (
    (
        "a prior learned in the bound: {}",
        {"vae-realnvp-prior-joint-0": "RealNVP", "vae-mixture-prior-joint-0": "mixture"},
        "if the likelihood is what counts: `--prior realnvp --learn-prior`",
    ),
    (
        "{} (the default prior)",
        {"vae-mixture-prior-afterwards-0": "a mixture fitted afterwards"},
        "always: it costs seconds",
    ),
    (
        "a more flexible q(z\\|x): {}",
        {
            "vae-nf-t-80-0": "80 planar flows",
            "vae-iaf-0": "IAF",
            "vae-hvi-0": "8 leapfrog steps",
            "vae-nf-t-10-0": "10 planar flows",
        },
        "together with a learned prior; IAF is quick, leapfrog steps take several times as long",
    ),
    (
        "{}",
        {"vae-importance-weighted-k-5-0": "the importance-weighted bound, k = 5"},
        "if the codes matter less; k times the work",
    ),
    ("{}", {"cvae-0": "conditioning on the class (`cvae`)"}, "if there are classes; it is log p(x given class)"),
    (
        "a variational Gaussian process: {}",
        {"vae-vgp-0": "`vae-vgp`", "vae-vgp-two-layers-0": "with two layers", "draw-vgp-0": "`draw-vgp`"},
        "not for so short a training",
    ),
    (
        "images drawn step by step: {}",
        {"draw-0": "`draw`", "draw-no-attention-0": "without attention"},
        "for longer trainings: the bound still improves quickly",
    ),
    (
        "adversarial training on codes: {}",
        {"avb-0": "`avb`", "aae-0": "`aae`"},
        "not for likelihood; AVB's ELBO is loose, and `aae` does not optimise one",
    ),
    ("{}", {"gvae-0": "adversarial training on images (`gvae`)"}, "for sharp samples, at a cost in likelihood"),
)
"""what was changed, its rows, and when to take it"""


def gains() -> str:
    """Differences of ELBO and importance-weighted bound from those of the plain VAE."""
    rows = {
        key: {number["name"]: number["value"] for number in row["numbers"]}
        for key, row in read("likelihood-small").items()
    }
    if "vae-0" not in rows:
        return ""
    plain = rows["vae-0"]

    def against(known: dict[str, str], number: str) -> str:
        return ", ".join(f"{rows[key][number] - plain[number]:+.1f}" for key in known)

    lines = []
    for text, members, advice in ADVICE:
        known = {key: name for key, name in members.items() if key in rows}
        if known:
            lines.append(
                [text.format(", ".join(known.values())), against(known, "elbo"), against(known, "iwae-200"), advice]
            )
    titles = ["what was changed", "ELBO", "bound", "take it"]
    values = f"ELBO {plain['elbo']:.1f}, importance-weighted bound {plain['iwae-200']:.1f}"
    start = f"Change in nats against the plain VAE ({values}):"
    return f"{start}\n\n{pipes([titles, *lines])}"
