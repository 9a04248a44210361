"""Reading recorded command strings by the templates of the schema, apart from the generator and from the library.

A template becomes a regular expression with a named group a parameter; what it captures becomes typed arguments.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from simplex_sync.api import commands, types
from tests.contract.record_walk import schema_files

# What a parameter of a type looks like in a command.
LOOKS = {
    "ChatRef": r"[@#*:]\d+(?:\(_support(?::\d+)?\))?",
    "CreatedConnLink": r"\S+(?: \S+)?",
    "ChatDeleteMode": r"(?:full|entity|messages)(?: notify=(?:on|off))?",
    "PaginationByTime": r"count=\d+",
    "ChatPagination": r"(?:count=\d+|initial=\d+|(?:after|before|around)=\d+ count=\d+)",
    "int64": r"\d+",
    "int": r"\d+",
}
# Texts that take the rest of the line; links have no spaces.
REST = {"filePath", "search", "localAlias"}
TOKEN = re.compile(r"\[(?! ?\d)|\]|<[^>]+>|[a-zA-Z]+(?:\|[a-zA-Z]+)+|[^\[\]<]")


@dataclass(frozen=True)
class Template:
    """A command's name, its parameters and types, and the regular expression of its strings."""

    name: str
    parameters: dict[str, str]
    pattern: re.Pattern[str]
    head: re.Pattern[str]
    as_json: frozenset[str]


def _pattern(syntax: str, parameters: dict[str, str]) -> re.Pattern[str]:
    syntax = re.sub(r"<(\w+)\[0\]>\[,<\w+\[1\]>\.\.\.\]", r"<list(\1)>", syntax)
    named = set(re.findall(r"<(?:\w+\()?(\w+)\)?>", syntax))
    unnamed = iter([name for name in parameters if name not in named])
    text = ""
    # An optional part without a parameter of its own says True by being there: `[ live=on]`.
    for part in re.split(r"(\[[^\[\]<|]+\])", syntax):
        if part.startswith("[") and "<" not in part and part.endswith("]"):
            text += f"(?P<{next(unnamed)}>{re.escape(part[1:-1])})?"
            continue
        for token in TOKEN.findall(part):
            if token == "[":
                text += "(?:"
            elif token == "]":
                text += ")?"
            elif "|" in token:
                text += f"(?P<{next(unnamed)}>{token})"
            elif token.startswith("<"):
                text += _group(token, parameters)
            else:
                text += re.escape(token)
    return re.compile(text)


def _group(token: str, parameters: dict[str, str]) -> str:
    match = re.fullmatch(r"<(?:(\w+)\()?(\w+)\)?>", token)
    assert match is not None, token
    how, name = match.groups()
    type_ = parameters[name].removesuffix("?")
    if how == "list":
        return rf"(?P<{name}>\d+(?:,\d+)*)"
    if how == "json":
        return rf"(?P<{name}>.+)"
    if type_ == "string":
        return rf"(?P<{name}>{'.+' if name in REST else chr(92) + 'S+'})"
    return f"(?P<{name}>{LOOKS[type_]})"


@cache
def templates() -> tuple[Template, ...]:
    """Return the templates of all commands, in the form of 6.4.5."""
    found = []
    documented, measured = schema_files()
    for command in [*documented["commands"], *measured["commands"]]:
        correction = measured["corrections"]["commands"].get(command["name"], {})
        parameters = {p["name"]: p["type"] for p in [*correction.get("params_first", []), *command["params"]]}
        syntaxes = [command["syntax"], command.get("syntax_6.4.5"), correction.get("syntax")]
        syntax = correction.get("syntax_6.4.5") or syntaxes[2] or syntaxes[1] or syntaxes[0]
        if "sign=on" not in syntax:
            parameters.pop("signMessages", None)
        as_json = frozenset(re.findall(r"<json\((\w+)\)>", syntax))
        patterns = _pattern(syntax, parameters), _head(syntax, parameters)
        found.append(Template(command["name"], parameters, *patterns, as_json))
    return tuple(found)


def _head(syntax: str, parameters: dict[str, str]) -> re.Pattern[str]:
    """The beginning that tells a command from others: its fixed words and, where it has to be there, what follows."""
    match = re.match(r"([^<\[|]*)(<(?:\w+\()?\w+(?:\[0\])?\)?>)?", syntax)
    assert match is not None
    words, first = match.groups()
    if first is None:
        return re.compile(re.escape(words) + ("(?= |$)" if words != syntax else "$"))
    name = re.findall(r"\w+", first)[0 if "(" not in first else 1]
    return re.compile(re.escape(words) + LOOKS.get(parameters[name].removesuffix("?"), ""))


def read(text: str) -> list[commands.Command]:
    """Return the commands that a string may be: more than one where templates overlap."""
    found = []
    for template in templates():
        match = template.pattern.fullmatch(text)
        if match is not None:
            try:
                found.append(_command(template, match.groupdict()))
            except (json.JSONDecodeError, TypeError):
                continue
    return found


def could_be(text: str) -> bool:
    """Return whether a string begins like a command of the schema."""
    return any(template.head.match(text) for template in templates())


def _command(template: Template, captured: dict[str, str | None]) -> commands.Command:
    kind: Any = getattr(commands, template.name)
    names = dict(zip(kind._wire, kind._fields, strict=True))
    arguments = {}
    for name, text in captured.items():
        if text is not None:
            type_ = template.parameters[name].removesuffix("?")
            is_text = type_ == "string" and name not in template.as_json
            arguments[names[name]] = text if is_text else _value(type_, text)
    made: commands.Command = kind(**arguments)
    return made


def _value(type_: str, text: str) -> Any:
    if type_ == "bool":
        return not text.endswith("off")
    if type_ in ("int64", "int"):
        return int(text)
    if type_ == "[int64]":
        return [int(part) for part in text.split(",")]
    if type_.startswith("["):
        return [getattr(types, type_[1:-1]).from_dict(item) for item in json.loads(text)]
    if type_ == "JSONObject":
        return json.loads(text)
    if type_ == "string":
        return json.loads(text)
    special = _SPECIAL.get(type_)
    if special is not None:
        return special(text)
    kind = getattr(types, type_)
    return kind.from_dict(json.loads(text)) if text.startswith(("{", "[")) else kind(text)


def _chat_ref(text: str) -> types.ChatRef:
    match = re.fullmatch(r"(.)(\d+)(\(_support(?::(\d+))?\))?", text)
    assert match is not None
    chat_type = {"@": "direct", "#": "group", "*": "local", ":": "contactConnection"}[match[1]]
    member = int(match[4]) if match[4] else None
    scope = types.GroupChatScopeMemberSupport(group_member_id_=member) if match[3] else None
    return types.ChatRef(chat_type=types.ChatType(chat_type), chat_id=int(match[2]), chat_scope=scope)


def _link(text: str) -> types.CreatedConnLink:
    full, _, short = text.partition(" ")
    return types.CreatedConnLink(conn_full_link=full, conn_short_link=short or None)


def _delete_mode(text: str) -> types.ChatDeleteMode:
    tag, _, notify = text.partition(" notify=")
    wire: dict[str, Any] = {"type": tag} | ({"notify": notify == "on"} if notify else {})
    return types.ChatDeleteMode.from_dict(wire)


def _page(text: str, union: str) -> Any:
    values = {key: int(value) for key, value in (part.split("=") for part in text.split())}
    tag = next(iter(values))
    if tag in ("count", "initial"):
        variant = {"count": "Last", "initial": "Initial"}[tag]
        return getattr(types, union + variant)(count=values[tag])
    return getattr(types, union + tag.capitalize())(item_id=values[tag], count=values["count"])


_SPECIAL: dict[str, Any] = {
    "ChatRef": _chat_ref,
    "CreatedConnLink": _link,
    "ChatDeleteMode": _delete_mode,
    "PaginationByTime": lambda text: _page(text, "PaginationByTime"),
    "ChatPagination": lambda text: _page(text, "ChatPagination"),
}
