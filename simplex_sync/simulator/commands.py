"""The command language: patterns, and the registry of what they run.

A pattern is literal text with `{name:kind}` for an argument and `[ … ]` for a part that may be missing:

    /_send {chat:chat}[ live={live:onoff}][ ttl={ttl:int}] json {messages:json:[ComposedMessage]}

======================  ==========================================================================
`int`                   digits
`ints`                  digits, separated by commas
`onoff`                 `on` or `off`
`chat`                  a chat: `@4`, `#2`, `#2(_support)`, `#2(_support:5)`, `*1`, `:3`
`word`                  anything up to the next space
`text`                  all the rest, with spaces and newlines; at least one character
`choice:a|b`            one of these words
`json:TYPE`             all the rest, as JSON of this type of the schema (see `arguments`)
======================  ==========================================================================

White space at the end of a command is ignored, in front of it not. What fits no pattern, or whose JSON is of another
type, is answered with `commandError` at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .arguments import parse_json_argument

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]
Handler = Callable[..., Json]


class ChatRef(NamedTuple):
    """A chat as commands name it: its type character, its id and, for groups, the scope."""

    kind: str
    id: int
    scope: Json | None = None


class Command(NamedTuple):
    """A command that was parsed: what runs it, with which arguments, and whether it needs the servers."""

    handler: Handler
    arguments: dict[str, Any]
    network: bool

    def run(self, simulator: Simulator) -> Json:
        """Run the command and return its response."""
        return self.handler(simulator, **self.arguments)


class _NoParse(Exception):
    pass


_SUPPORT = re.compile(r"([@#*:])(\d+)(?:\((_support)(?::(\d+))?\))?")


def _chat(text: str) -> ChatRef:
    match = _SUPPORT.fullmatch(text)
    if match is None:
        raise _NoParse
    kind, id, support, member = match.groups()
    if support is None:
        return ChatRef(kind, int(id))
    scope: Json = {"type": "memberSupport"}
    if member is not None:
        scope["groupMemberId_"] = int(member)
    return ChatRef(kind, int(id), scope)


def _json(text: str, type_name: str) -> Any:
    try:
        return parse_json_argument(text, type_name)
    except ValueError:
        raise _NoParse from None


_KINDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "int": (r"\d{1,19}", int),
    "ints": (r"\d{1,19}(?:,\d{1,19})*", lambda text: [int(number) for number in text.split(",")]),
    "onoff": (r"on|off", lambda text: text == "on"),
    "chat": (r"[@#*:]\d{1,19}(?:\([^()\s]*\))?", _chat),
    "word": (r"\S+", str),
    "text": (r".+", str),
    "json": (r".*", str),
}


class _Pattern:
    def __init__(self, pattern: str, handler: Handler, network: bool, only: str) -> None:
        self.handler = handler
        self.network = network
        self.only = only
        self.converters: dict[str, Callable[[str], Any]] = {}
        self.expression = re.compile(self._compile(pattern), re.DOTALL)

    def _compile(self, pattern: str) -> str:
        parts = []
        for piece in re.findall(r"\{\w+:[^{}]+\}|\[|\]|[^\[\]{}]+", pattern):
            if piece == "[":
                parts.append("(?:")
            elif piece == "]":
                parts.append(")?")
            elif piece.startswith("{"):
                parts.append(self._argument(*piece[1:-1].split(":", 2)))
            else:
                parts.append(re.escape(piece))
        return "".join(parts)

    def _argument(self, name: str, kind: str, detail: str = "") -> str:
        if kind == "choice":
            self.converters[name] = str
            return f"(?P<{name}>{detail})"
        expression, convert = _KINDS[kind]
        self.converters[name] = (lambda text: _json(text, detail)) if kind == "json" else convert
        return f"(?P<{name}>{expression})"

    def parse(self, text: str) -> Command | None:
        match = self.expression.fullmatch(text)
        if match is None:
            return None
        try:
            arguments = {
                name: self.converters[name](value) for name, value in match.groupdict().items() if value is not None
            }
        except _NoParse:
            return None
        return Command(self.handler, arguments, self.network)


_HEAD = re.compile(r"/_?[a-z]+")
_PATTERNS: dict[str, list[_Pattern]] = {}


def command(pattern: str, *, network: bool = False, only: str = "") -> Callable[[Handler], Handler]:
    """Register what runs the commands of a pattern; earlier patterns are tried first.

    Args:
        pattern: The pattern, see above.
        network: Whether the command asks the servers and so is slow when they are.
        only: The only version that takes it: `6` or `7`; both by default.
    """

    def register(handler: Handler) -> Handler:
        head = _HEAD.match(pattern)
        if head is None:
            raise ValueError(f"a command starts with a slash and a word: {pattern}")
        _PATTERNS.setdefault(head[0], []).append(_Pattern(pattern, handler, network, only))
        return handler

    return register


def parse(text: str, version: str = "6") -> Command | None:
    """Return what a command string means, or None where the CLI could not parse it.

    Args:
        text: The command string.
        version: The version whose language it is: `6` or `7`.
    """
    head = _HEAD.match(text)
    if head is None:
        return None
    text = text.rstrip()
    for pattern in _PATTERNS.get(head[0], ()):
        found = pattern.parse(text) if pattern.only in ("", version) else None
        if found is not None:
            return found
    return None
