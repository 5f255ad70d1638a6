"""What to try against a trouble: of the known remedies those that a model has an option for and does not follow yet."""

from __future__ import annotations

import typing
from functools import reduce
from typing import Any, Literal, NamedTuple


class Remedy(NamedTuple):
    """One thing to try.

    Attributes:
        text: what to do, in the words of the command line.
        option: field of the model's configuration that it needs, inner ones after a dot; "": none.
        value: what it sets that option to; None: the text says only in which direction.
        unless: an option of models for which it is nothing.
    """

    text: str
    option: str = ""
    value: Any = None
    unless: str = ""


SLOWER = (Remedy("a lower --critic-lr", "critic_lr"), Remedy("a lower --lr", "lr", unless="critic_lr"))
REMEDIES = {
    "low contrast": (Remedy("a lower --lr", "lr"), Remedy("--net.family small up to 64 pixels", "net.family", "small")),
    "mode collapse": (
        Remedy("a larger --penalty", "penalty"),
        *SLOWER,
        Remedy("--loss relativistic", "loss", "relativistic"),
        Remedy("--adversarial relativistic", "adversarial", "relativistic"),
        Remedy("gvae", unless="rec_share"),
    ),
    "posterior collapse": (
        Remedy("a lower --beta", "beta"),
        Remedy("a longer --kl-warmup", "kl_warmup"),
        Remedy("--likelihood gaussian", "likelihood", "gaussian"),
        Remedy("--sigma 0", "sigma", 0),
    ),
    "exploding penalty": (*SLOWER, Remedy("--clip 10")),
    "dead critic": (*SLOWER, Remedy("another --seed"), Remedy("wgan-gp", "clip_weights")),
}
"""trouble -> what may help, the likeliest first; an option that every training has needs no field"""


def advice(trouble: str, config: Any) -> str:
    """What to try against a trouble with a model of this configuration.

    >>> from gvae.config import GanConfig
    >>> advice("mode collapse", GanConfig())
    'a larger --penalty, a lower --lr, --loss relativistic or gvae'
    >>> advice("mode collapse", GanConfig(loss="relativistic"))
    'a larger --penalty, a lower --lr or gvae'
    """
    known = [remedy.text for remedy in REMEDIES[trouble] if helps(remedy, config)]
    *others, last = known or ["another --seed"]
    return f"{', '.join(others)} or {last}" if others else last


def helps(remedy: Remedy, config: Any) -> bool:
    """Whether a configuration has the remedy's option, could take its value, and has neither that already nor `auto`."""
    if remedy.unless and hasattr(config, remedy.unless):
        return False
    if not remedy.option:
        return True
    *inner, name = remedy.option.split(".")
    config = reduce(lambda outer, field: getattr(outer, field, None), inner, config)
    if not hasattr(config, name):
        return False
    kind = typing.get_type_hints(type(config))[name]
    possible = typing.get_origin(kind) is not Literal or remedy.value in (None, *typing.get_args(kind))
    return possible and getattr(config, name) not in (remedy.value, "auto")
