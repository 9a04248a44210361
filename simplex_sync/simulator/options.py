"""The command line, in the words of the CLI, and the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

VERSIONS = {"6.4": "6.4.5.1", "7.0": "7.0.2.0"}

USAGE = """\
simplex-sync-simulator - a stand-in for simplex-chat that needs no network

Usage: simplex-sync-simulator [OPTIONS]

  -d,--database PREFIX               prefix of the database files PREFIX_chat.db and PREFIX_agent.db
  -k,--key KEY                       database key
  -s,--server "SMP SERVERS"          SMP servers, shown in links; nothing connects to them
  --xftp-server "XFTP SERVERS"       XFTP servers, likewise
  -p,--chat-server-port PORT         port of the WebSocket server on 127.0.0.1, 0 for any free one
  -q,--queue-size N                  events that wait for a client before no more messages are taken in (1024)
  --files-folder FOLDER              folder for received and sent files
  --temp-folder FOLDER               folder for files that are not whole yet
  --create-bot-display-name NAME     make a bot profile if there is none
  --create-bot-allow-files           let the bot take files
  --user-display-name NAME           make a profile if there is none (7.x)
  --headless                         ask nothing on the terminal (7.x)
  -y,--yes-migrate                   accepted; there is nothing to migrate
  -x,--socks-proxy[=ADDRESS] --tcp-timeout S -l,--log-level LEVEL -m,--maintenance
                                     accepted; they change nothing
  --cli-version 6.4|7.0              the version to behave like (or SIMPLEX_SIM_CLI_VERSION)
  --command-delay MILLISECONDS       how long each /_send takes (or SIMPLEX_SIM_COMMAND_DELAY)
  --fill EXPORT                      make the database of an export, for a rehearsal, and end
  --report                           print what was done since it was filled, as JSON, and end
  -v,--version                       print the version
  -h,--help                          print this text

Environment:
  SIMPLEX_SIM_NETWORK                the folder through which simulators find each other
  SIMPLEX_SIM_FAULTS                 failures to rehearse, as JSON: {"unreachable": true, "delay": 100, "loss": 0.1};
                                     the same in the file faults.json of that folder can be changed at any time
"""


class UsageError(Exception):
    """The command line makes no sense."""


class Options(NamedTuple):
    """What a simulator was started with.

    Attributes:
        database: Prefix of the database files.
        key: Database key, empty for none.
        port: Port of the WebSocket server, or None for none.
        smp_servers: SMP servers; empty for the default.
        xftp_servers: XFTP servers; empty for the default.
        queue_size: How many events may wait for a client.
        files_folder: Folder of files, or None.
        temp_folder: Folder of unfinished files, or None.
        bot_name: Display name of the bot profile to make, or None.
        bot_files: Whether that bot takes files.
        user_name: Display name of the profile to make, or None.
        headless: Whether nothing is asked on the terminal.
        version: The full version to behave like.
        command_delay: Milliseconds that each `/_send` takes.
        network: The network folder.
        action: `run`, `help`, `version`, `fill` or `report`.
        export: The folder of the export to fill the database with, or None.
    """

    database: Path
    key: str = ""
    port: int | None = None
    smp_servers: tuple[str, ...] = ()
    xftp_servers: tuple[str, ...] = ()
    queue_size: int = 1024
    files_folder: Path | None = None
    temp_folder: Path | None = None
    bot_name: str | None = None
    bot_files: bool = False
    user_name: str | None = None
    headless: bool = False
    version: str = VERSIONS["6.4"]
    command_delay: float = 0
    network: Path = Path()
    action: str = "run"
    export: Path | None = None

    @property
    def seven(self) -> bool:
        """Whether to behave like 7.x."""
        return self.version.startswith("7")


# Spellings → (name, whether a value follows: no, yes, or only after an equals sign).
_SPELLINGS = {
    ("-d", "--database"): ("database", "yes"),
    ("-k", "--key"): ("key", "yes"),
    ("-s", "--server"): ("smp_servers", "yes"),
    ("--xftp-server",): ("xftp_servers", "yes"),
    ("-p", "--chat-server-port"): ("port", "yes"),
    ("-q", "--queue-size"): ("queue_size", "yes"),
    ("--files-folder",): ("files_folder", "yes"),
    ("--temp-folder",): ("temp_folder", "yes"),
    ("--create-bot-display-name",): ("bot_name", "yes"),
    ("--create-bot-allow-files",): ("bot_files", "no"),
    ("--user-display-name",): ("user_name", "yes"),
    ("--headless",): ("headless", "no"),
    ("--create-bot-client-service",): ("", "no"),
    ("-y", "--yes-migrate"): ("", "no"),
    ("-x", "--socks-proxy"): ("", "equals"),
    ("-m", "--maintenance"): ("", "no"),
    ("-t", "--tcp-timeout"): ("", "yes"),
    ("-l", "--log-level"): ("", "yes"),
    ("--log-file",): ("", "yes"),
    ("-c", "--log-connections"): ("", "no"),
    ("--log-hosts",): ("", "no"),
    ("--cli-version",): ("version", "yes"),
    ("--command-delay",): ("command_delay", "yes"),
    ("--fill",): ("export", "yes"),
    ("--report",): ("report", "no"),
    ("-v", "--version"): ("show_version", "no"),
    ("-h", "--help"): ("show_help", "no"),
}
# The first of these options that is given says what is done.
_ACTIONS = {"show_help": "help", "show_version": "version", "export": "fill", "report": "report"}
_BY_SPELLING = {spelling: about for spellings, about in _SPELLINGS.items() for spelling in spellings}
_ONLY_7 = ("--user-display-name", "--headless", "--create-bot-client-service")


def _read(arguments: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        spelling, equals, value = argument, "", ""
        if argument.startswith("--"):
            spelling, equals, value = argument.partition("=")
        elif len(argument) > 2 and argument[:2] in _BY_SPELLING:
            spelling, equals, value = argument[:2], "=", argument[2:]
        if spelling not in _BY_SPELLING:
            raise UsageError(f"Invalid option `{spelling}'")
        name, takes = _BY_SPELLING[spelling]
        if takes == "yes" and not equals:
            try:
                value = next(rest)
            except StopIteration:
                raise UsageError(f"The option `{spelling}` expects an argument.") from None
        elif takes == "no" and equals:
            raise UsageError(f"The option `{spelling}` takes no argument.")
        given[name] = value
        if spelling in _ONLY_7:
            given["only_7"] = spelling
    return given


def _version(text: str) -> str:
    for start, full in VERSIONS.items():
        if text in (start, full) or full.startswith(text + "."):
            return full
    raise UsageError(f"--cli-version: one of {', '.join(VERSIONS)} is needed")


def _number(text: str, name: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise UsageError(f"option {name}: a number from {low} to {high} is needed")
    return int(text)


def default_network() -> Path:
    """Return the network folder of simulators that were told none."""
    from platformdirs import user_cache_path  # only here: it is needed by few and costs some milliseconds

    return user_cache_path("simplex-sync", appauthor=False) / "simulator-network"


def parse_options(arguments: list[str]) -> Options:
    """Return the options of a command line.

    Raises:
        UsageError: It makes no sense.
    """
    given = _read(arguments)
    environment = os.environ
    version = _version(given.get("version") or environment.get("SIMPLEX_SIM_CLI_VERSION") or "6.4")
    if "only_7" in given and not version.startswith("7"):
        raise UsageError(f"Invalid option `{given['only_7']}'")
    delay = given.get("command_delay") or environment.get("SIMPLEX_SIM_COMMAND_DELAY") or "0"
    network = environment.get("SIMPLEX_SIM_NETWORK")
    return Options(
        database=Path(given.get("database") or Path.home() / ".simplex" / "simplex_sync_simulator"),
        key=given.get("key", ""),
        port=_number(given["port"], "-p", 0, 65535) if "port" in given else None,
        smp_servers=tuple(given.get("smp_servers", "").split()),
        xftp_servers=tuple(given.get("xftp_servers", "").split()),
        queue_size=_number(given.get("queue_size", "1024"), "-q", 1, 1_000_000),
        files_folder=Path(given["files_folder"]) if "files_folder" in given else None,
        temp_folder=Path(given["temp_folder"]) if "temp_folder" in given else None,
        bot_name=given.get("bot_name"),
        bot_files="bot_files" in given,
        user_name=given.get("user_name"),
        headless="headless" in given,
        version=version,
        command_delay=_number(delay, "--command-delay", 0, 3_600_000),
        network=Path(network) if network else default_network(),
        action=next((action for name, action in _ACTIONS.items() if name in given), "run"),
        export=Path(given["export"]) if "export" in given else None,
    )
