"""What the constructor of a client was given, checked, and the command line made from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simplex_sync._internal.database import database_prefix, make_folder
from simplex_sync._internal.session import Launch
from simplex_sync.errors import InvalidArgument, InvalidDisplayName, StartError

_METHOD = "SimplexChat"
KEY_VARIABLE = "SIMPLEX_CHAT_KEY"


def _refuse(argument: str, problem: str) -> InvalidArgument:
    return InvalidArgument(f"{_METHOD}: {argument} {problem}", argument=argument)


def _strings(argument: str, values: Any, *, spaces: bool) -> tuple[str, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise _refuse(argument, "must be a list of strings")
    for value in values:
        if not isinstance(value, str) or not value:
            raise _refuse(argument, "must be a list of strings, none of them empty")
        if "\0" in value or (not spaces and any(letter.isspace() for letter in value)):
            raise _refuse(argument, "holds a string with a character that cannot be part of it")
    return tuple(values)


def _display_name(name: Any) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise _refuse("display_name", f"must be a string, not {type(name).__name__}")
    if not name.strip() or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise InvalidDisplayName(
            f"{_METHOD}: display_name must not be empty or hold line ends or control characters", display_name=name
        )
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise _refuse("display_name", "holds half of a surrogate pair") from None
    return name


def _folder(argument: str, path: Any) -> Path | None:
    if path is None:
        return None
    text: object = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise _refuse(argument, "must be the path of a folder")
    return Path(os.path.abspath(Path(text).expanduser()))


@dataclass
class Settings:
    """The checked arguments of a client.

    Attributes:
        prefix: The absolute prefix of the database files.
        files_folder: Where files are sent from and received into.
        temp_folder: Where parts of files are kept.
    """

    prefix: Path
    display_name: str | None
    bot: bool
    key: str | Callable[[], str] | None = field(repr=False)
    executable: str | os.PathLike[str] | None
    smp_servers: tuple[str, ...] = field(repr=False)
    xftp_servers: tuple[str, ...] = field(repr=False)
    files_folder: Path
    temp_folder: Path
    extra_args: tuple[str, ...] = field(repr=False)

    @classmethod
    def checked(
        cls,
        *,
        database: Any,
        display_name: Any,
        bot: Any,
        key: Any,
        executable: Any,
        smp_servers: Any,
        xftp_servers: Any,
        files_folder: Any,
        temp_folder: Any,
        extra_args: Any,
    ) -> Settings:
        """Return the settings.

        Raises:
            InvalidArgument: An argument cannot be right.
            InvalidDisplayName: The display name is empty or holds line ends.
        """
        prefix = database_prefix(_METHOD, database)
        files = _folder("files_folder", files_folder) or prefix.with_name(prefix.name + "_files")
        if key is not None and not callable(key) and not isinstance(key, str):
            raise _refuse("key", "must be a string, or a function that returns one")
        if not isinstance(bot, bool):
            raise _refuse("bot", "must be True or False")
        arguments = _strings("extra_args", extra_args, spaces=True)
        for argument in arguments:
            if argument.split("=")[0] in ("-d", "--database", "-p", "--chat-server-port", "-k", "--key"):
                raise _refuse("extra_args", f"holds {argument.split('=')[0]}, which is the client's own to give")
        return cls(
            prefix=prefix,
            display_name=_display_name(display_name),
            bot=bot,
            key=key,
            executable=executable,
            smp_servers=_strings("smp_servers", smp_servers, spaces=False),
            xftp_servers=_strings("xftp_servers", xftp_servers, spaces=False),
            files_folder=files,
            # Inside the files folder: the CLI moves what it has received from the one to the other, which fails
            # without a word across file systems.
            temp_folder=_folder("temp_folder", temp_folder) or files / ".temp",
            extra_args=arguments,
        )

    def launch(self, program: Sequence[str], seconds: float | None) -> Launch:
        """Make the folders, and return how to start the CLI.

        Args:
            program: The program and the arguments that come first.
            seconds: How long a later start may take, in seconds.

        Raises:
            StartError: A folder cannot be made, or the folders are on two file systems.
            InvalidDisplayName: A bot's first run without a name.
        """
        key = self._key()
        first_run = not self.prefix.with_name(self.prefix.name + "_chat.db").exists()
        if self.bot and first_run and self.display_name is None:
            raise InvalidDisplayName(
                'start: the first run of a bot makes its user profile: pass display_name="…" to SimplexChat'
            )
        for folder in (self.prefix.parent, self.files_folder, self.temp_folder):
            make_folder("start", folder)
        if self.files_folder.stat().st_dev != self.temp_folder.stat().st_dev:
            raise StartError(
                f"start: files_folder {str(self.files_folder)!r} and temp_folder {str(self.temp_folder)!r} must be on "
                "one file system, or received files come out empty"
            )
        argv = [*program, "-d", str(self.prefix), "-p", "0", "-y"]
        if key:
            argv += ["-k", key]
        if self.smp_servers:
            argv += ["-s", " ".join(self.smp_servers)]
        if self.xftp_servers:
            argv += ["--xftp-server", " ".join(self.xftp_servers)]
        argv += ["--files-folder", str(self.files_folder), "--temp-folder", str(self.temp_folder)]
        if self.bot and self.display_name is not None:
            argv += ["--create-bot-display-name", self.display_name, "--create-bot-allow-files"]
        return Launch(
            argv=[*argv, *self.extra_args],
            prefix=self.prefix,
            display_name=self.display_name,
            secrets=(key,) if key else (),
            seconds=seconds,
        )

    def _key(self) -> str:
        key: object = self.key() if callable(self.key) else self.key
        if key is None:
            key = os.environ.get(KEY_VARIABLE, "")
        if not isinstance(key, str) or "\0" in key or "\n" in key:
            raise InvalidArgument("start: the database key must be one line of text", argument="key")
        return key
