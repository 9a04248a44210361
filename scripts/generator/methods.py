"""Writes methods.py: the mixin with one method a command."""

from __future__ import annotations

from scripts.generator.commands import Command, commands, documentation, parameter
from scripts.generator.schema import Field, Schema
from scripts.generator.writing import WIDTH, docstring, header, signature

HEAD = '''

class Methods:
    """One method a command, named after it in snake_case; the client derives from this class.

    Every method checks its arguments, sends the command, waits for its response and returns it as a record. It raises
    InvalidArgument before anything is sent, CommandError when the CLI answers with an error, CommandTimeout when it
    does not answer in time, and ConnectionLost when the connection is lost meanwhile.
    """

    __slots__ = ()

    def execute(self, command: commands.Command, timeout: float | None = None) -> responses.Response:
        """Send a command and return its response; the client does it.

        Args:
            command: The command.
            timeout: How long to wait for the answer, in seconds; None means the client's default.

        Returns:
            The response.
        """
        raise NotImplementedError

    def _user_id(self, user_id: int | None) -> int:
        """Return the number of a user profile: the one given, or the active user's."""
        raise NotImplementedError
'''


class MethodsWriter:
    """Writes methods.py."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.parameters: dict[str, dict[str, str]] = schema.facts["parameters"]
        self.classes = {definition.tag: definition.name for definition in schema.messages("responses")}

    def module(self) -> str:
        """Return the text of methods.py."""
        # The commands' module is looked up when a method is called: importing the package stays quick.
        imports = (
            "from typing import TYPE_CHECKING, cast\n\nfrom simplex_sync import api\n\n"
            "if TYPE_CHECKING:\n    from collections.abc import Sequence\n    from typing import Any\n\n"
            "    from simplex_sync.api import commands, responses, types\n"
        )
        lines: list[str] = []
        for command in commands(self.schema):
            lines += self.method(command)
        about = "The methods of the client that stand for the CLI's commands."
        return header(about, imports) + '\n__all__ = ["Methods"]\n' + HEAD + "\n".join(lines) + "\n"

    def method(self, command: Command) -> list[str]:
        """Return the lines of a method."""
        by_default = [p for p in command.parameters if p.wire == "userId" and not command.user_id_needed]
        required = [p for p in command.parameters if not p.has_default and p not in by_default]
        others = [p for p in command.parameters if p.has_default and p.wire not in command.positional]
        natural = [p for p in command.parameters if p.wire in command.positional]
        positional = [parameter(p) for p in [*required[:2], *natural]]
        keywords = [parameter(p) for p in required[2:]]
        user = ["user_id: int | None = None"] if by_default else []
        if user and not positional:
            positional, user = user, []
        keywords += [*user, *(parameter(p) for p in others), "timeout: float | None = None"]
        returns = self.returns(command)
        lines = ["", *signature([*positional, "*", *keywords], returns, command.method, "self")]
        text = documentation(command, self.parameters, method=True) + "\n\n" + self.outcome(command)
        lines += docstring(text, 8)
        arguments = [f"{p.name}={self.value(p, by_default)}" for p in command.parameters]
        call = f"api.commands.{command.name}({', '.join(arguments)})"
        line = f'        return cast("{returns}", self.execute({call}, timeout=timeout))'
        if len(line) <= WIDTH:
            return [*lines, line]
        lines += wrapped(f"        command = api.commands.{command.name}(", arguments, ")")
        line = f'        return cast("{returns}", self.execute(command, timeout=timeout))'
        if len(line) <= WIDTH:
            return [*lines, line]
        head, *tail = returns.split(" | ")
        parts = [f'            "{head}"', *(f'            " | {part}"' for part in tail)]
        parts[-1] += ","
        parts.append("            self.execute(command, timeout=timeout),")
        return [*lines, "        return cast(", *parts, "        )"]

    @staticmethod
    def value(field: Field, by_default: list[Field]) -> str:
        """Return the argument that a method passes on."""
        return f"self._user_id({field.name})" if field in by_default else field.name

    def returns(self, command: Command) -> str:
        """Return the annotation of what a method returns."""
        tags = [tag for tag in command.responses if tag != "chatCmdError"]
        return " | ".join(f"responses.{self.classes[tag]}" for tag in tags)

    def outcome(self, command: Command) -> str:
        """Return the end of a method's docstring."""
        tags = [tag for tag in command.responses if tag != "chatCmdError"]
        lines = ["Returns:", f"    The response {' or '.join(f'`{tag}`' for tag in tags)}.", "", "Raises:"]
        if command.parameters:
            lines.append("    InvalidArgument: An argument cannot be right; nothing was sent.")
        for error in command.errors:
            lines.append(f"    {error}: As its name says.")
        lines.append("    CommandError: The CLI answered with an error.")
        return "\n".join(lines)


def wrapped(start: str, items: list[str], end: str) -> list[str]:
    """Return the lines of a call, one argument a line where they do not fit into one."""
    line = f"{start}{', '.join(items)}{end}"
    return [line] if len(line) <= WIDTH else [start, *(f"            {item}," for item in items), f"        {end}"]
