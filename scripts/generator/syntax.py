"""The syntax of commands: a template becomes a small tree, and the tree Python."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from scripts.generator.schema import Field

_TOKEN = re.compile(
    r"(?P<open>\[ ?)|(?P<close>\])|<(?P<how>str|json)\((?P<inner>\w+)\)>|<(?P<first>\w+)\[0\]>\[,<\w+\[1\]>\.\.\.\]"
    r"|<(?P<plain>\w+)>|(?P<words>[^\[\]<>]+)"
)
_ALTERNATIVES = re.compile(r"[\w]+(?:\|[\w]+)+")


@dataclass
class Part:
    """A piece of a template: `text`, a `value` of a parameter, a `choice` of words, or an optional `group`."""

    kind: str
    text: str = ""
    how: str = ""
    parts: list[Part] = field(default_factory=list)
    values: tuple[str, ...] = ()


def parse(syntax: str) -> list[Part]:
    """Return the parts of a template."""
    stack: list[list[Part]] = [[]]
    position = 0
    while position < len(syntax):
        match = _TOKEN.match(syntax, position)
        if match is None:
            raise ValueError(f"the syntax {syntax!r} is not understood at {position}")
        position = match.end()
        here = stack[-1]
        if match["open"]:
            group = Part("group")
            here.append(group)
            stack.append(group.parts)
            if match["open"].endswith(" "):
                group.parts.append(Part("text", " "))
        elif match["close"]:
            stack.pop()
        elif match["first"]:
            here.append(Part("value", match["first"], "list"))
        elif match["how"]:
            here.append(Part("value", match["inner"], match["how"]))
        elif match["plain"]:
            here.append(Part("value", match["plain"], "plain"))
        else:
            here += _words(match["words"])
    return stack[0]


def _words(text: str) -> list[Part]:
    parts: list[Part] = []
    position = 0
    for match in _ALTERNATIVES.finditer(text):
        parts.append(Part("text", text[position : match.start()]))
        parts.append(Part("choice", values=tuple(match.group().split("|"))))
        position = match.end()
    parts.append(Part("text", text[position:]))
    return [part for part in parts if part.kind == "choice" or part.text]


def mentioned(parts: list[Part]) -> set[str]:
    """Return the names of the parameters that a template names."""
    names = {part.text for part in parts if part.kind == "value"}
    return names.union(*(mentioned(part.parts) for part in parts))


def assign(parts: list[Part], parameters: list[Field]) -> None:
    """Give the choices and the bare groups their parameters: those that the template does not name, in order."""
    unnamed = iter([p for p in parameters if p.wire not in mentioned(parts)])

    def visit(inside: list[Part]) -> None:
        for part in inside:
            if part.kind == "choice":
                part.text = next(unnamed).wire
            elif part.kind == "group":
                if all(inner.kind == "text" for inner in part.parts):
                    part.text = next(unnamed).wire
                visit(part.parts)

    visit(parts)
    left = [parameter.wire for parameter in unnamed]
    if left:
        raise ValueError(f"these parameters have no place in the syntax: {left}")
