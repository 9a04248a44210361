"""The group of all commands, with the options that stand before them."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Any

import click

from simplex_sync._version import __version__
from simplex_sync.command_line.failures import told
from simplex_sync.command_line.options import DEFAULT_TIMEOUT, SECONDS, Options, default_database

HELP = """SimpleX Chat for shells and scripts: each command starts the simplex-chat CLI, does one thing and ends it.

Begin with `simplex-sync doctor`, which says what is missing and what to do about it.

Examples:

\b
  simplex-sync install
  simplex-sync --display-name Notes address --qr
  simplex-sync connect 'https://smp.example.org/a#...'
  simplex-sync send @alice 'The backup is done.'
  uptime | simplex-sync send --delivered '#servers' -
  simplex-sync listen --json | jq -r .chatItem.meta.itemText
"""

EPILOG = """Exit codes: 0 done; 1 refused (by the CLI, or something was not found, or the CLI could not be started);
2 the command line makes no sense; 3 not sent, delivered or answered in time; 130 interrupted; 141 nobody reads the
output; 143 ended by SIGTERM.

Messages that come while a command runs are kept by the CLI: `history` has them all, and `listen` prints those that come
while it listens.

Completion of commands and options, for bash (zsh_source and fish_source likewise):

\b
  eval "$(_SIMPLEX_SYNC_COMPLETE=bash_source simplex-sync)"
"""

# Command → module and attribute; a module is imported when its command is needed.
_COMMANDS = {
    "address": "link_commands:address",
    "connect": "link_commands:connect",
    "contacts": "list_commands:contacts",
    "doctor": "doctor_command:doctor",
    "export": "read_commands:export",
    "groups": "list_commands:groups",
    "history": "read_commands:history",
    "install": "install_command:install",
    "invite": "link_commands:invite",
    "listen": "read_commands:listen",
    "members": "list_commands:members",
    "pipe": "pipe_command:pipe",
    "rehearse": "rehearse_command:rehearse",
    "send": "send_commands:send",
    "send-file": "send_commands:send_file",
}


class Program(click.Group):
    """The commands, and what happens to their errors."""

    def list_commands(self, _context: click.Context, /) -> list[str]:
        """Return the names of the commands."""
        return sorted(_COMMANDS)

    def get_command(self, _context: click.Context, name: str, /) -> click.Command | None:
        """Return a command, or None where there is none of that name.

        Args:
            name: Its name.
        """
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"simplex_sync.command_line.{module}"), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Args:
            ctx: The context of the program.
        """
        with told(bool(ctx.params.get("verbose"))):
            return super().invoke(ctx)


@click.group(cls=Program, help=HELP, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="simplex-sync")
@click.option(
    "--database",
    type=click.Path(path_type=Path),
    envvar="SIMPLEX_SYNC_DATABASE",
    show_envvar=True,
    metavar="PREFIX",
    help="The prefix of the database files: notes for notes_chat.db.  [default: in your data folder]",
)
@click.option(
    "--display-name",
    envvar="SIMPLEX_SYNC_DISPLAY_NAME",
    show_envvar=True,
    metavar="NAME",
    help="Your name, for the profile made at the first run; later, which profile to use.",
)
@click.option("--bot", is_flag=True, help="Make the profile of the first run that of a bot.")
@click.option(
    "--executable",
    envvar="SIMPLEX_CHAT_BIN",
    show_envvar=True,
    metavar="PROGRAM",
    help="The simplex-chat program, or simulator.  [default: looked for on PATH and where `install` puts it]",
)
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A file whose first line is the database key. Or give the key in SIMPLEX_CHAT_KEY.",
)
@click.option(
    "--smp-server",
    "smp_servers",
    multiple=True,
    envvar="SIMPLEX_SYNC_SMP_SERVERS",
    show_envvar=True,
    metavar="ADDRESS",
    help="A message server to use instead of the CLI's own; can be repeated.",
)
@click.option(
    "--xftp-server",
    "xftp_servers",
    multiple=True,
    envvar="SIMPLEX_SYNC_XFTP_SERVERS",
    show_envvar=True,
    metavar="ADDRESS",
    help="A file server to use instead of the CLI's own; can be repeated.",
)
@click.option(
    "--cli-option",
    "cli_options",
    multiple=True,
    metavar="OPTION",
    help="A further option for simplex-chat, such as --cli-option=-x for a SOCKS proxy; can be repeated.",
)
@click.option(
    "--timeout",
    type=SECONDS,
    default=DEFAULT_TIMEOUT,
    show_default=True,
    envvar="SIMPLEX_SYNC_TIMEOUT",
    show_envvar=True,
    metavar="SECONDS",
    help="How long the start, one command or one wait may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: one documented record a line.")
@click.option("-v", "--verbose", is_flag=True, help="Show the log, and tracebacks of errors.")
@click.pass_context
def program(ctx: click.Context, /, database: Path | None, **given: Any) -> None:
    """Keep the options for the command."""
    ctx.obj = Options(database=default_database() if database is None else database, **given)
    _log_to_stderr(ctx, logging.DEBUG if ctx.obj.verbose else logging.WARNING)


def _log_to_stderr(ctx: click.Context, level: int) -> None:
    logger = logging.getLogger("simplex_sync")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("simplex-sync: %(message)s"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)

    def undo() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    ctx.call_on_close(undo)
