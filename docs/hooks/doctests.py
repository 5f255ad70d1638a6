"""For mkdocstrings: examples of docstrings (`>>>`) become code blocks, where Markdown would see nested quotations."""

from __future__ import annotations

from typing import Any

from griffe import Extension, Object


def fenced(text: str) -> str:
    """Text with a fence around every run of lines that begins with `>>>`, up to the next empty line.

    >>> fenced("Half.\\n\\n>>> 1 / 2\\n0.5\\n\\nNo more.").splitlines()
    ['Half.', '', '```pycon', '>>> 1 / 2', '0.5', '```', '', 'No more.']
    """
    lines: list[str] = []
    inside = False
    for line in [*text.splitlines(), ""]:
        starts = line.lstrip().startswith(">>>")
        if starts and not inside:
            lines.append(f"{' ' * (len(line) - len(line.lstrip()))}```pycon")
        elif inside and not line.strip():
            lines.append("```")
        inside = bool(line.strip()) and (inside or starts)
        lines.append(line)
    return "\n".join(lines[:-1])


class Doctests(Extension):
    """Fences the examples of every docstring."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Called by griffe for each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
