"""What a reader has to know of some numbers, as sentences below the table that shows them."""

from __future__ import annotations

from collections.abc import Sequence

from gvae.evaluation.numbers import WIDE, Number


def blind(number: Number) -> bool:
    """Whether a number was measured in features that hardly see what images show; tables have these last."""
    return number.protocol.get("features") == "random-conv"


REMARKS = {
    "random-conv features ({}) hardly see what images show: look at samples, and do not rank models by them": blind,
    "train+val split ({}): the test split is too small, so samples are compared with training and validation images, of "
    "which copies look good": lambda x: x.protocol.get("split") == WIDE,
    "prior fitted for this measurement ({}): the training has not come to its end": lambda x: "prior_fit" in x.protocol,
}
"""each with the numbers that it is about"""


def remarks(numbers: Sequence[Number]) -> list[str]:
    """The sentences that some of these numbers need.

    >>> remarks([Number("fd", 1.0, protocol={"split": "test"})])
    []
    """
    names = {text: list(dict.fromkeys(x.name for x in numbers if test(x))) for text, test in REMARKS.items()}
    return [text.format(", ".join(found)) for text, found in names.items() if found]
