"""The base of all commands."""

from __future__ import annotations

import re
from typing import ClassVar

from simplex_sync import errors
from simplex_sync._internal.wire import Fields

__all__ = ["Command", "major_version", "refuse", "since_7"]

_NUMBER = re.compile(r"\d+")


class Command(Fields):
    """A command of the CLI.

    Fields are keyword-only. They are checked by `command_string`, before anything is sent.

    Attributes:
        documented_name: The name in the documents.
        method_name: The name of the client's method.
        category: The chapter of the documents.
        network: Whether the CLI uses the network before it answers (`"interactive"`), after it (`"background"`) or
            not at all (`"no"`).
        only_reads: Whether it changes nothing, so that it may always be sent again.
        repeatable: Whether it may be sent again without harm after the CLI itself answered with a network error that
            may pass.
        responses: The tags of the documented responses.
        errors: The names of the documented errors.
        only: The one version of the CLI that has it, or an empty string.

    """

    __slots__ = ()

    documented_name: ClassVar[str] = ""
    method_name: ClassVar[str] = ""
    category: ClassVar[str] = ""
    network: ClassVar[str] = "no"
    only_reads: ClassVar[bool] = False
    repeatable: ClassVar[bool] = False
    responses: ClassVar[tuple[str, ...]] = ()
    errors: ClassVar[tuple[str, ...]] = ()
    only: ClassVar[str] = ""

    def command_string(self, cli_version: str | None = None) -> str:
        """Return the exact string that the CLI takes.

        Args:
            cli_version: The version of the CLI, such as `"6.4.5.1"`. None means the form that 6.4.5 takes; what only
                7.x has is then given in its form for 7.x.

        Returns:
            The command string. It may hold private text: do not log it.

        Raises:
            InvalidArgument: A field cannot be right, or this version of the CLI does not have what was asked for.

        """
        raise NotImplementedError


def refuse(command: Command, name: str, problem: str) -> errors.InvalidArgument:
    """Return the error for an argument that cannot be right.

    Args:
        command: The command.
        name: The name of the field.
        problem: What is wrong and what to do; never the value itself, which may be private.

    Returns:
        The error, to be raised.

    """
    return errors.InvalidArgument(f"{command.method_name}: {name} {problem}", argument=name)


def major_version(cli_version: str | None) -> int:
    """Return the first number of a version; None means 6.

    Args:
        cli_version: The version, such as `"6.4.5.1"`.

    Returns:
        The first number.

    Raises:
        InvalidArgument: There is no number in it.

    """
    if cli_version is None:
        return 6
    match = _NUMBER.search(cli_version) if isinstance(cli_version, str) else None
    if match is None:
        message = "command_string: cli_version is no version; give it as the CLI does, such as '6.4.5.1', or None"
        raise errors.InvalidArgument(message, argument="cli_version")
    return int(match.group())


def since_7(command: Command, name: str, cli_version: str | None) -> None:
    """Refuse what CLI 6 does not have.

    Args:
        command: The command.
        name: The field that 6.x does not have, or an empty string where it is the whole command.
        cli_version: The version of the CLI, or None where it is not known.

    Raises:
        InvalidArgument: The version is known and less than 7.

    """
    if cli_version is None or major_version(cli_version) >= 7:
        return
    if name:
        raise refuse(command, name, f"needs CLI 7.x, and this is {cli_version}; leave it out")
    message = f"{command.method_name}: the command needs CLI 7.x, and this is {cli_version}"
    raise errors.InvalidArgument(message, argument="")
