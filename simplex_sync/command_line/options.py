"""What the options before the command say, and a started client made from it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import platformdirs

from simplex_sync._internal.deadline import Deadline
from simplex_sync.command_line.failures import Failed
from simplex_sync.errors import InvalidArgument, InvalidDisplayName

if TYPE_CHECKING:
    from simplex_sync.client import SimplexChat

Function = TypeVar("Function", bound=Callable[..., Any])

#: A time in seconds, as every `--timeout` takes it.
SECONDS = click.FloatRange(min=0, min_open=True)
DEFAULT_TIMEOUT = 60.0


def default_database() -> Path:
    """Return the prefix of the database that is used where none is named: in the user's data folder."""
    return Path(platformdirs.user_data_path("simplex-sync", appauthor=False)) / "chat"


@dataclass
class Options:
    """The options before the command.

    Attributes:
        database: The prefix of the database files.
        display_name: The user's display name for the first run, or which profile to use.
        bot: Whether a first run makes the profile of a bot.
        executable: The CLI, or None to look for it.
        key_file: A file whose first line is the database key.
        smp_servers: Message servers.
        xftp_servers: File servers.
        cli_options: Further options for the CLI.
        timeout: How long starting, one command and one wait may take, in seconds.
        as_json: Whether output is JSON Lines.
        verbose: Whether tracebacks and the library's log are shown.
    """

    database: Path
    display_name: str | None = None
    bot: bool = False
    executable: str | None = None
    key_file: Path | None = None
    smp_servers: tuple[str, ...] = field(default=(), repr=False)  # addresses can hold passwords, and so can options
    xftp_servers: tuple[str, ...] = field(default=(), repr=False)
    cli_options: tuple[str, ...] = field(default=(), repr=False)
    timeout: float = DEFAULT_TIMEOUT
    as_json: bool = False
    verbose: bool = False

    def client(self) -> SimplexChat:
        """Return a client that is not started yet.

        Raises:
            InvalidArgument: An option cannot be right.
        """
        from simplex_sync.client import SimplexChat  # here, so that help and completion are quick

        try:
            return SimplexChat(
                self.database,
                display_name=self.display_name,
                bot=self.bot,
                key=self._key if self.key_file is not None else None,
                executable=self.executable,
                smp_servers=self.smp_servers,
                xftp_servers=self.xftp_servers,
                extra_args=self.cli_options,
                timeout=self.timeout,
            )
        except InvalidDisplayName as error:
            raise InvalidArgument(str(error), argument="display_name") from error

    @contextlib.contextmanager
    def started(self) -> Iterator[SimplexChat]:
        """Give a started client, and close it at the end."""
        with self.client() as chat:
            user = chat.user
            if self.display_name not in (None, user.local_display_name, user.profile.display_name):
                raise Failed(
                    f"the database has no profile {self.display_name!r}, and nothing was done as "
                    f"{user.profile.display_name!r}; leave out --display-name, or choose another --database"
                )
            yield chat

    def deadline(self, timeout: float | None) -> Deadline:
        """Return until when to wait for what a command is about.

        Args:
            timeout: What was given after the command, in seconds.
        """
        return Deadline(self.timeout if timeout is None else timeout)

    def _key(self) -> str:
        assert self.key_file is not None
        with self.key_file.open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")


pass_options = click.make_pass_decorator(Options)


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        options = context.find_object(Options)
        if options is not None and value:
            setattr(options, name, value)

    return callback


def json_option(function: Function) -> Function:
    """Let `--json` stand after the command, too."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_remember("as_json"),
        help="Print JSON Lines: one documented record a line.",
    )(function)


def timeout_option(what: str) -> Callable[[Function], Function]:
    """Add `--timeout`, for what the command is about; how long the start may take is said before the command.

    Args:
        what: What may take so long, for the help.
    """
    return click.option(
        "--timeout",
        type=SECONDS,
        metavar="SECONDS",
        help=f"How long {what} may take.  [default: as before the command, {DEFAULT_TIMEOUT:g}]",
    )


def chat_name(kinds: str = "@#") -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """Return a callback that takes the name of a chat as it is written in commands: `@contact` or `#group`.

    Args:
        kinds: The first letters that are taken.
    """
    forms = " or ".join({"@": "@NAME for a contact", "#": "#NAME for a group"}[kind] for kind in kinds)

    def checked(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
        if value is not None and (len(value) < 2 or value[0] not in kinds):
            raise click.BadParameter(f"write {forms}, in quotes where the shell needs them")
        return value

    return checked
