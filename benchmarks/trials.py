"""Choose the defaults on validation data: short trainings of a model with different options.

    python benchmarks/trials.py wgan-gp --minutes 4 --options "" "--lr 1e-3" "--lr 1e-3 --critic-steps 2"

Every row of results/trials.json is one training and one `gvae evaluate --split val`; nothing here touches the test split.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from headline import gvae, row

RESULTS = Path(__file__).parent / "results" / "trials.json"
METRICS = "fd,prdc,class-histogram"


def main() -> None:
    """Train and measure whatever has no row yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("--options", nargs="+", required=True, help="one string of options for each training")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs/trials"))
    parser.add_argument("--note", default="", help="anything a reader of the rows must know")
    given = parser.parse_args()
    for options in given.options:
        name = " ".join([given.data, given.model, options, f"{given.minutes:g}min", str(given.seed)])
        rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        if name in rows:
            continue
        out = given.runs / name.replace(" ", "_").replace("--", "")
        trained = (
            f"gvae train {given.model} --data {given.data} --minutes {given.minutes:g} --seed {given.seed}"
            f" {options} --out {out}"
        )
        measured = METRICS if "gan" in given.model and "vae" not in given.model else f"{METRICS},mse"
        evaluated = f"gvae evaluate {out} --split val --metrics {measured}"
        gvae(f"gvae resume {out}" if (out / "run.json").exists() else trained)
        gvae(evaluated)
        rows[name] = row(out, [" ".join(trained.split()), evaluated]) | {"note": given.note}
        RESULTS.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", encoding="utf-8")
        print(name, {key: number["value"] for key, number in rows[name]["numbers"].items()}, flush=True)


if __name__ == "__main__":
    main()
