"""The tables of docs/latent.md and docs/explorer.md, from the rows of latent.py and explorer.py; used by tables.py."""

from __future__ import annotations

from typing import Any

from rows import read


def edits() -> str:
    """What adding an attribute to a face's code does to its picture, for each run of faces."""
    rows = read("latent")
    return "\n\n".join(map(edited, rows.values())) or "Not measured yet: `python benchmarks/latent.py RUN`."


def edited(row: dict[str, Any]) -> str:
    """The table of one run."""
    lines = [
        "| attribute | method | AUC | alpha | logit moved as asked | classified as asked, before | after | change of others "
        "| classifier on reconstructions |",
        "|---" * 9 + "|",
    ]
    for name, found in row["edits"].items():
        attribute, method = name.split()
        sure = row["classifier"][attribute]["reconstructed"]["balanced"]
        for edit in found["edits"]:
            shares = " | ".join(f"{edit[key]:.0%}" for key in ("moved", "before", "turned", "others"))
            lines.append(
                f"| {attribute} | {method} | {found['auc']:.2f} | {edit['alpha']:g} | {shares} | {sure:.0%} |"
            )
    commands = ", then ".join(f"`{command}`" for command in row["commands"] if command)
    note = (
        f"{row['faces']} held-out faces of {row['data']}; {commands}, {row['processor']}, {row['date']}, torch "
        f"{row['versions']['torch']}. {row['note']}"
    )
    return "\n".join([*lines, "", note.strip()])


def explorer() -> str:
    """Start and latency of the explorer."""
    rows = read("explorer")
    if not rows:
        return "Not measured yet: `python benchmarks/explorer.py RUN`."
    lines = [
        "| images | first picture after | slider: median, 95 % | map: median, 95 % | memory after bad requests |",
        "|---" * 5 + "|",
    ]
    for row in rows.values():
        cells = [
            f"{row[kind]['median_ms']:.0f} ms, {row[kind]['p95_ms']:.0f} ms" if kind in row else "n/a"
            for kind in ("slider", "hover")
        ]
        shape = f"{row['model']}, {' x '.join(map(str, row['shape']))}"
        grown = f"+{row['load']['growth_mb']:.0f} MB" if "load" in row else "not loaded"
        lines.append(f"| {shape} | {row['start_s']:.1f} s | {' | '.join(cells)} | {grown} |")
    notes = [
        f"`{row['command']}`, {row['processor']}, {row['date']}. {row['note']}".strip()
        for row in rows.values()
    ]
    return "\n".join([*lines, "", *notes])
