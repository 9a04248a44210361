"""Writes commands.py: one class a command, which gives the string that the CLI takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from scripts.generator import syntax
from scripts.generator.names import snake
from scripts.generator.schema import Field, Schema, Type, parse
from scripts.generator.syntax import Part
from scripts.generator.writing import (
    annotation,
    docstring,
    header,
    names_tuple,
    only,
    repr_value,
    signature,
    wrapped_sum,
)

STRINGS = {
    "ChatRef": "chat_ref",
    "CreatedConnLink": "created_link",
    "ChatDeleteMode": "chat_delete_mode",
    "PaginationByTime": "pagination",
    "ChatPagination": "pagination",
}


@dataclass
class Command:
    """A command with its corrections."""

    name: str
    category: str
    network: str
    parameters: list[Field]
    syntax: str
    syntax_6: str
    responses: tuple[str, ...]
    errors: tuple[str, ...]
    only: str
    only_reads: bool
    repeatable: bool
    measured: bool
    doc: str
    user_id_needed: bool
    positional: list[str]
    absent: dict[str, str]

    @property
    def method(self) -> str:
        """The name of the method."""
        return snake(self.name)


def commands(schema: Schema) -> list[Command]:
    """Return all commands, documented or not, in the order of their names."""
    made = []
    for source, measured in ((schema.documented, False), (schema.measured, True)):
        for specification in source["commands"]:
            made.append(_command(schema, specification, measured))
    return sorted(made, key=lambda command: command.name)


def _command(schema: Schema, specification: dict[str, Any], measured: bool) -> Command:
    name = specification["name"]
    correction = schema.corrections["commands"].get(name, {})
    facts = schema.facts["commands"][name]
    types = correction.get("types", {})
    parameters = []
    template = correction.get("syntax", specification["syntax"])
    optional = _optional(syntax.parse(correction.get("syntax_6.4.5", template)))
    for p in [*correction.get("params_first", []), *specification["params"]]:
        type_ = parse(types.get(p["name"], p["type"]))
        if type_.optional and p["name"] not in optional and p["name"] in syntax.mentioned(syntax.parse(template)):
            # The documents call it optional, but their syntax has no form without it.
            type_ = Type(type_.kind, type_.name, type_.parts)
        made = Field(p["name"], type_, p.get("only", ""))
        if p["name"] in correction.get("defaults", {}):
            made.has_default, made.default = True, correction["defaults"][p["name"]]
        elif type_ == Type("scalar", "bool") and not _must_be_said(template, p["name"], specification["params"]):
            made.has_default, made.default = True, False
        elif type_.optional:
            made.has_default, made.default = True, None
        parameters.append(made)
    return Command(
        name=name,
        category=specification["category"],
        network=specification["network"],
        parameters=parameters,
        syntax=template,
        syntax_6=correction.get("syntax_6.4.5", specification.get("syntax_6.4.5", "")),
        responses=(*specification["responses"], *correction.get("more_responses", [])),
        errors=tuple(specification["errors"]),
        only=correction.get("only", specification.get("only", "")),
        only_reads=facts["only_reads"],
        repeatable=facts["repeatable"],
        measured=measured,
        doc=facts["doc"],
        user_id_needed=facts.get("user_id_needed", False),
        positional=facts.get("positional", []),
        absent={p: json.dumps(v, separators=(",", ":")) for p, v in correction.get("absent", {}).items()},
    )


def _optional(parts: list[Part], inside: bool = False) -> set[str]:
    names = {part.text for part in parts if part.kind == "value" and inside}
    return names.union(*(_optional(part.parts, True) for part in parts if part.kind == "group"))


def _must_be_said(template: str, name: str, parameters: list[dict[str, Any]]) -> bool:
    """Return whether a bool stands in the syntax as `on|off` outside of what may be left out."""
    parts = syntax.parse(template)
    fields = [Field(p["name"], parse(p["type"])) for p in parameters]
    if len(fields) < len(syntax.mentioned(parts)):
        return False
    try:
        syntax.assign(parts, fields)
    except (ValueError, StopIteration):
        return False
    return any(part.kind == "choice" and part.text == name for part in parts)


class CommandsWriter:
    """Writes commands.py."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.parameters: dict[str, dict[str, str]] = schema.facts["parameters"]
        self.helpers: set[str] = set()

    def module(self) -> str:
        """Return the text of commands.py."""
        every = commands(self.schema)
        lines: list[str] = []
        for command in every:
            lines += self.command(command)
        helpers = [f"    {name},\n" for name in sorted(self.helpers)]
        from_command = [name for name in ("major_version", "since_7") if f" {name}(" in "\n".join(lines)]
        imports = (
            "from collections.abc import Sequence\nfrom typing import Any\n\n"
            f"from simplex_sync._internal.command_arguments import (\n{''.join(helpers)})\n"
            f"from simplex_sync._internal.command import {', '.join(['Command', *from_command])}\n"
            "from simplex_sync.api import types\n"
        )
        public = sorted(["Command", *(c.name for c in every)])
        exported = ["__all__ = [", *(f'    "{name}",' for name in public), "]"]
        about = "The commands of the CLI, each a class that gives the string that the CLI takes."
        return header(about, imports) + "\n" + "\n".join([*exported, *lines]) + "\n"

    def command(self, command: Command) -> list[str]:
        """Return the lines of a command's class."""
        lines = ["", "", f"class {command.name}(Command):", *docstring(documentation(command, self.parameters)), ""]
        names = [p.name for p in command.parameters]
        lines += names_tuple(names, "__slots__ = _fields") if names else ["    __slots__ = ()"]
        if names:
            lines += names_tuple([p.wire for p in command.parameters], "_wire")
        lines += [
            f'    documented_name = "{command.name}"',
            f'    method_name = "{command.method}"',
            f'    category = "{command.category}"',
            f'    network = "{command.network}"',
        ]
        lines += [f"    {fact} = True" for fact in ("only_reads", "repeatable") if getattr(command, fact)]
        lines += names_tuple(list(command.responses), "responses")
        lines += [f"    errors = {repr_value(command.errors)}"] if command.errors else []
        lines += [f'    only = "{command.only}"'] if command.only else []
        if names:
            lines += ["", *(f"    {p.name}: {note(p)}" for p in command.parameters), ""]
            lines += signature([parameter(p) for p in command.parameters], "None")
            lines += [f"        self.{name} = {name}" for name in names]
        return [*lines, "", *self.command_string(command)]

    def command_string(self, command: Command) -> list[str]:
        """Return the lines of the method that gives the string."""
        lines = ["    def command_string(self, cli_version: str | None = None) -> str:"]
        if command.only == "7.0.2":
            lines.append('        since_7(self, "", cli_version)')
        body = self.body(command, command.syntax, "        ")
        if command.syntax_6 and self.differs(command):
            lines.append("        if major_version(cli_version) < 7:")
            lines += self.body(command, command.syntax_6, "            ")
        return lines + body

    @staticmethod
    def differs(command: Command) -> bool:
        """Return whether the form of 6.4.5 differs in more than the parameters that only 7.x has."""
        new = [p for p in command.parameters if p.only == "7.0.2"]
        parts = syntax.parse(command.syntax)
        syntax.assign(parts, command.parameters)
        old = [p for p in parts if p.text not in {field.wire for field in new}]
        return len(new) == 0 or _flat(old) != _flat(_assigned(command, command.syntax_6, new))

    def body(self, command: Command, template: str, indent: str) -> list[str]:
        """Return the lines that put a string together after a template."""
        parts = syntax.parse(template)
        fields = {p.wire: p for p in command.parameters}
        syntax.assign(parts, command.parameters)
        start: list[str] = []
        while parts and parts[0].kind != "group":
            start.append(self.needed(parts.pop(0), fields, command.absent))
        if not parts:
            return wrapped_sum("return ", joined(start), indent)
        lines = wrapped_sum("text = ", joined(start), indent)
        waiting: list[str] = []
        for part in parts:
            if part.kind != "group":
                waiting.append(self.needed(part, fields, command.absent))
                continue
            if waiting:
                lines += wrapped_sum("text += ", joined(waiting), indent)
                waiting = []
            lines += self.group(part, fields, indent)
        if waiting:
            lines += wrapped_sum("text += ", joined(waiting), indent)
        return [*lines, f"{indent}return text"]

    def group(self, part: Part, fields: dict[str, Field], indent: str) -> list[str]:
        """Return the lines for a part that may be left out."""
        names = [part.text] if part.text else [inner.text for inner in part.parts if inner.kind != "text"]
        conditions = []
        for name in names:
            field = fields[name]
            if field.type.optional:
                conditions.append(f"self.{field.name} is not None")
            elif field.default is False:
                self.helpers.add("switch")
                conditions.append(f'switch(self, "{field.name}")')
            else:
                conditions.append(f"self.{field.name} is not {field.default!r}")
        lines = [f"{indent}if {' or '.join(conditions)}:"]
        for name in names:
            if fields[name].only == "7.0.2":
                lines.append(f'{indent}    since_7(self, "{fields[name].name}", cli_version)')
        pieces = [self.piece(inner, fields) for inner in part.parts]
        return [*lines, *wrapped_sum("text += ", joined(pieces), indent + "    ")]

    def needed(self, part: Part, fields: dict[str, Field], absent: dict[str, str]) -> str:
        """Return the expression for a part that stands in every string, though its parameter may be None."""
        piece = self.piece(part, fields)
        if part.text not in absent or part.kind != "value":
            return piece
        return f"({piece} if self.{fields[part.text].name} is not None else {absent[part.text]!r})"

    def piece(self, part: Part, fields: dict[str, Field]) -> str:
        """Return the expression for a part."""
        if part.kind == "text":
            return f'"{part.text}"'
        field = fields[part.text]
        helper, more = self.helper(part, field)
        self.helpers.add(helper)
        return f'{helper}(self, "{field.name}"{more})'

    def helper(self, part: Part, field: Field) -> tuple[str, str]:
        """Return the function for a parameter, and its further arguments."""
        type_ = field.type
        facts = self.parameters.get(field.wire, {})
        reserved = f", {_raw(facts['reserved'])}" if "reserved" in facts else ""
        if part.kind == "choice":
            return ("on_off", "") if part.values == ("on", "off") else ("choice", f", {repr_value(part.values)}")
        if part.how == "list":
            return "identifiers", ""
        if part.how == "str" and field.wire == "sendRef":
            return "send_ref", ", cli_version"
        if part.how == "str":
            return STRINGS[type_.name], reserved
        if part.how == "json":
            if type_.kind == "list":
                return "json_messages", f", types.{type_.parts[0].name}"
            if type_.kind == "named":
                helper = "json_message" if facts.get("kind") == "message" else "json_record"
                return helper, f", types.{type_.name}"
            return ("json_object", "") if type_.name == "JSONObject" else ("json_text", "")
        if type_.name in ("int64", "int", "word32"):
            return "number", ""
        return {"link": "connection_link", "line": "line"}[facts["kind"]], reserved


def _raw(pattern: str) -> str:
    return f'r"{pattern}"'


def _assigned(command: Command, template: str, without: list[Field]) -> list[Part]:
    parts = syntax.parse(template)
    syntax.assign(parts, [p for p in command.parameters if p not in without])
    return parts


def _flat(parts: list[Part]) -> list[tuple[str, str, str]]:
    flat = []
    for part in parts:
        flat.append((part.kind, part.text, part.how))
        flat += _flat(part.parts)
    return flat


def joined(pieces: list[str]) -> list[str]:
    """Return pieces of text with those that are constant put together."""
    made: list[str] = []
    for piece in pieces:
        if made and made[-1].startswith('"') and piece.startswith('"'):
            made[-1] = made[-1][:-1] + piece[1:]
        else:
            made.append(piece)
    return made


def note(parameter_: Field) -> str:
    """Return the annotation of a parameter: lists may be any sequence."""
    text = annotation(parameter_.type, "types.")
    return "Sequence" + text[4:] if text.startswith("list[") else text


def parameter(field: Field) -> str:
    """Return a parameter of `__init__` or of a method."""
    return f"{field.name}: {note(field)}" + (f" = {field.default!r}" if field.has_default else "")


NETWORK = {
    "no": "not used",
    "background": "used after the answer",
    "interactive": "used before the answer, so it may take seconds and fail",
}


def documentation(command: Command, parameters: dict[str, dict[str, str]], method: bool = False) -> str:
    """Return the docstring of a command's class or method."""
    lines = [command.doc, "", f"Documented as `{command.name}`: `{command.syntax}`."]
    if command.measured:
        lines[-1] = f"Not documented; `{command.name}` in the CLI: `{command.syntax}`."
    if command.syntax_6:
        lines[-1] = lines[-1][:-1] + f"; in CLI 6.4.5 `{command.syntax_6}`."
    lines.append(f"Network: {NETWORK[command.network]}. {only(command.only)}".strip())
    if command.parameters or method:
        lines += ["", "Args:"]
        for p in command.parameters:
            said = parameters.get(f"{command.name}.{p.wire}", parameters.get(p.wire, {})).get("doc", "")
            if p.wire == "userId" and method and not command.user_id_needed:
                said = "The user profile's number; None means the active one."
            if not said:
                raise ValueError(f"facts.json says nothing of the parameter {p.wire} of {command.name}")
            lines.append(f"    {p.name}: {said} {only(p.only)}".rstrip())
        if method:
            lines.append("    timeout: How long to wait for the answer, in seconds; None means the client's default.")
    if not method:
        said = ", ".join(f"`{tag}`" for tag in command.responses)
        lines += ["", f"Responses: {said}."]
        if command.errors:
            lines.append(f"Errors: {', '.join(command.errors)}.")
    return "\n".join(lines)
