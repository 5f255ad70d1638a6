"""Which numbers of several runs may share a column: those of one protocol. Others get a column, or a note and a command.

What is measured (metric, likelihood, prior, split, weights, data) decides the column. How it is measured (n, seed,
constants) must be equal in it: the protocol of most runs is the column's, and a number of another is left out with a note
that says what to type.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gvae.evaluation.headings import COUNTS, DATA, facts, phrase, unlike, words
from gvae.evaluation.numbers import WIDE, Number, command
from gvae.runs import Run

ALLOWED = ("prior", "prior_fit", "prior_density")
"""what numbers in one column may differ in: the prior is part of the model"""
ASKED = (*COUNTS, "seed", "precision")
"""what an option of `gvae evaluate` decides"""
NORMAL = ("normal", "N(0, I)")
"""what a protocol calls the prior of a run that learned none"""
OTHERWISE = "measured otherwise, see below"
"""why a cell is empty that has a number of another protocol"""

Held = Mapping[Path, Sequence[Number]]
"""numbers of each run"""


def place(number: Number) -> tuple[str, str]:
    """What is measured: heading, and the data."""
    known = facts(number)
    return number.column, json.dumps([known.get(key) for key in DATA], default=str)


def manner(number: Number) -> str:
    """How it is measured."""
    known = {k: v for k, v in facts(number).items() if k not in (*ALLOWED, *DATA)}
    return json.dumps(known, sort_keys=True, default=str)


def kinds(held: Held) -> list[Number]:
    """One number for each column of the table, measured as most runs have it; one without value where no run has any.

    A name without a value (a GAN's bound) needs no column of its own beside one that has values.
    """
    everything = [number for numbers in held.values() for number in numbers]
    valued = [number for number in everything if number.value is not None]
    found = {}
    for number in valued:
        if place(number) not in found:
            same = [x for x in valued if place(x) == place(number)]
            usual = Counter(map(manner, same)).most_common(1)[0][0]
            found[place(number)] = next(x for x in same if manner(x) == usual)
    filled = {number.name for number in valued}
    missing = {number.name: number for number in everything if number.name not in filled}
    wanted, order = [*found.values(), *missing.values()], [number.name for number in everything]
    return sorted(wanted, key=lambda number: order.index(number.name))


def find(numbers: Sequence[Number], kind: Number) -> Number:
    """A run's number for the column that `kind` belongs to; a reason in place of a value if it has none."""
    same = [number for number in numbers if place(number) == place(kind) and number.value is not None]
    same += [x for x in map(as_normal, numbers) if x and kind.variant == "normal" and place(x) == place(kind)]
    for number in same:
        if manner(number) == manner(kind):
            return number
    if same:
        return replace(same[0], value=None, reason=OTHERWISE)
    alike = [number for number in numbers if number.name == kind.name]
    missing = [number for number in alike if number.value is None]
    reason = "on other data, or under another likelihood, prior or split" if alike else "not measured"
    return missing[0] if missing else Number(kind.name, None, reason=reason)


def as_normal(number: Number) -> Number | None:
    """A number of a run that samples from N(0, I) by itself, as one that was measured so on purpose."""
    plain = number.value is not None and not number.variant and number.protocol.get("prior") in NORMAL
    return replace(number, variant="normal") if plain else None


def titles(found: Sequence[Number]) -> list[str]:
    """Headings of columns; those of one heading but unlike data say which."""
    return [", ".join([x.column, *words(x, [y for y in found if y.column == x.column], DATA)]) for x in found]


def left_out(runs: Sequence[Run], held: Held, found: Sequence[Number]) -> list[str]:
    """For each run and difference: which numbers are left out, in what they differ, and the command that mends it."""
    notes = []
    for run in runs:
        odd: dict[tuple[str, str], list[tuple[Number, Number]]] = {}
        for kind in found:
            if find(held[run.path], kind).reason == OTHERWISE:
                number = next(x for x in held[run.path] if place(x) == place(kind) and x.value is not None)
                odd.setdefault((told(number, kind), " ".join(options(kind, ""))), []).append((number, kind))
        notes += [note(run, runs, held, reason, pairs) for (reason, _), pairs in odd.items()]
    return notes


def told(number: Number, kind: Number) -> str:
    """In what a number differs from those of its column: its own facts, then theirs."""
    keys = [key for key in unlike(number, [kind]) if key not in (*ALLOWED, *DATA)]
    mine, theirs = facts(number), facts(kind)
    return "; ".join(f"{phrase(key, mine.get(key))}, not {phrase(key, theirs.get(key))}" for key in keys)


def note(run: Run, runs: Sequence[Run], held: Held, reason: str, pairs: Sequence[tuple[Number, Number]]) -> str:
    """One sentence on numbers of a run that are left out for one reason."""
    names = ", ".join(dict.fromkeys(number.name for number, _ in pairs))
    metrics = ",".join(dict.fromkeys(str(kind.protocol.get("metric", kind.name)) for _, kind in pairs))
    number, kind = pairs[0]
    again = {run.path: run}
    if any(key not in (*ASKED, *ALLOWED, *DATA) for key in unlike(number, [kind])):  # one was measured by another gvae
        again |= {other.path: other for other in runs if kind in held[other.path]}
    typed = " and ".join(f"`{command(one, *options(kind, metrics))}`" for one in again.values())
    return f"{names} of {run.path}: left out ({reason}). To measure alike: {typed}"


def options(kind: Number, metrics: str) -> list[str]:
    """The options of `gvae evaluate` that measure as a number was."""
    known = facts(kind)
    given = {
        "--metrics": metrics or None,
        "--data": kind.protocol.get("given"),
        "--samples": max(int(known.get(key) or 0) for key in COUNTS) or None,
        "--split": known.get("split") if known.get("split") not in ("test", WIDE) else None,
        "--seed": known.get("seed") or None,
        "--prior": kind.variant or None,
        "--weights": known.get("weights"),
        "--bound-images": kind.n if str(known.get("estimator", "")).startswith(("IWAE", "AIS")) else None,
        "--precision": known.get("precision"),
    }
    return [word for name, value in given.items() if value is not None for word in (name, str(value))]
