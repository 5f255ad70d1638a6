"""Errors that teach: what was given, what is allowed, what to type."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class GvaeError(Exception):
    """A mistake the user can mend. The command line prints its one sentence and exits with code 2."""


def choose(kind: str, given: str, allowed: Iterable[str]) -> str:
    """Return `given` if it is one of `allowed`, else raise a `GvaeError` that names the nearest match and the list.

    >>> choose("model", "vae", ["vae", "gvae"])
    'vae'
    >>> choose("model", "gvea", ["vae", "gvae"])
    Traceback (most recent call last):
    gvae.errors.GvaeError: there is no model 'gvea'; did you mean 'gvae'? Known: gvae, vae
    """
    allowed = sorted(allowed)
    if given in allowed:
        return given
    near = get_close_matches(given, allowed, 1, 0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    raise GvaeError(f"there is no {kind} '{given}'{hint} Known: {', '.join(allowed)}")
