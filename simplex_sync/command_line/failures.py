"""What went wrong as one plain sentence on stderr, and the exit code for it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator
from typing import TypeGuard

import click

from simplex_sync.errors import InvalidArgument, SimplexError, Timeout

REFUSED = 1
LATE = 3
INTERRUPTED = 130
NOBODY_READS = 141

# Errors speak to people who write Python; here the same things are options.
_OPTIONS = {
    "allow_unchecked": "--allow-unchecked",
    "bot": "--bot",
    "base_url": "--base-url",
    "database": "--database",
    "display_name": "--display-name",
    "executable": "--executable",
    "folder": "--folder",
    "from_file": "--from-file",
    "overwrite": "--overwrite",
    "sha256": "--sha256",
    "timeout": "--timeout",
    "version": "--version",
    "key": "--key-file or SIMPLEX_CHAT_KEY",
    "extra_args": "--cli-option",
    "smp_servers": "--smp-server",
    "xftp_servers": "--xftp-server",
}
_ARGUMENT = re.compile(rf"\b({'|'.join(_OPTIONS)})=(?:True\b|…)?(\")?")


def _as_option(match: re.Match[str]) -> str:
    option = _OPTIONS[match[1]]
    return f'{option} "' if match[2] else option


class Failed(click.ClickException):
    """An end of the program with a sentence on stderr: refused."""

    exit_code = REFUSED


class Late(Failed):
    """An end of the program with a sentence on stderr: something did not happen in time."""

    exit_code = LATE


def is_of_option(error: BaseException) -> TypeGuard[InvalidArgument]:
    """Return whether an error says that an option cannot be right.

    Args:
        error: Any error.
    """
    return isinstance(error, InvalidArgument) and error.argument in _OPTIONS


def sentence(error: BaseException) -> str:
    """Return what an error says, in the words of the command line.

    Args:
        error: An error of this package, of the operating system, or any other.
    """
    if isinstance(error, SimplexError):
        text = re.sub(r"\A(?:[A-Za-z_]+: )+", "", str(error))
        if is_of_option(error):
            text = text.replace(error.argument, _OPTIONS[error.argument], 1)
        return _ARGUMENT.sub(_as_option, text).replace(" to SimplexChat", "")
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"this is a defect of simplex-sync ({type(error).__name__}): please report it, with what -v shows"


@contextlib.contextmanager
def told(is_verbose: bool) -> Iterator[None]:
    """Turn errors into sentences and exit codes.

    Args:
        is_verbose: Whether the traceback is shown, too.
    """
    try:
        yield
        sys.stdout.flush()
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            _let_nobody_read()
            raise click.exceptions.Exit(NOBODY_READS) from None
        if is_verbose:
            traceback.print_exception(error)
        if is_of_option(error):
            raise click.UsageError(sentence(error)) from None
        raise (Late if isinstance(error, Timeout) else Failed)(sentence(error)) from None


def _let_nobody_read() -> None:
    """Send the rest of the output nowhere, or the interpreter would complain about it at its end."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
