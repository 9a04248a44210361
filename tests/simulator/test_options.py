"""The command line and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from simplex_sync.simulator.options import Options, UsageError, default_network, parse_options


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIMPLEX_SIM_CLI_VERSION", "SIMPLEX_SIM_COMMAND_DELAY", "SIMPLEX_SIM_NETWORK"):
        monkeypatch.delenv(name, raising=False)


def test_all_spellings() -> None:
    given = parse_options(
        "-d x/y -kpw --xftp-server=xftp://c -p 5225 -q9 -y --files-folder f --temp-folder t -x -m"
        " --create-bot-display-name Bot --create-bot-allow-files --socks-proxy=localhost:9050"
        " --tcp-timeout 5 -l error --command-delay 25 -s smp://a,smp://b".replace(",", "\t").split(" ")
    )
    assert given == Options(
        database=Path("x/y"),
        key="pw",
        port=5225,
        smp_servers=("smp://a", "smp://b"),
        xftp_servers=("xftp://c",),
        queue_size=9,
        files_folder=Path("f"),
        temp_folder=Path("t"),
        bot_name="Bot",
        bot_files=True,
        command_delay=25,
        network=default_network(),
    )
    assert not given.seven


def test_defaults() -> None:
    given = parse_options([])
    assert given.port is None
    assert given.queue_size == 1024
    assert given.database.name == "simplex_sync_simulator"
    assert given.action == "run"


def test_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_options(["--cli-version", "7.0"]).version == "7.0.2.0"
    assert parse_options(["--cli-version", "6.4.5"]).version == "6.4.5.1"
    seven = ["--cli-version", "7.0", "--user-display-name", "x", "--headless", "--create-bot-client-service"]
    assert parse_options(seven).user_name == "x"
    monkeypatch.setenv("SIMPLEX_SIM_CLI_VERSION", "7.0")
    assert parse_options([]).seven
    monkeypatch.setenv("SIMPLEX_SIM_CLI_VERSION", "5")
    with pytest.raises(UsageError, match=r"6\.4, 7\.0"):
        parse_options([])


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", "somewhere")
    monkeypatch.setenv("SIMPLEX_SIM_COMMAND_DELAY", "7")
    given = parse_options([])
    assert given.network == Path("somewhere")
    assert given.command_delay == 7


def test_help_and_version() -> None:
    assert parse_options(["-h"]).action == "help"
    assert parse_options(["--version"]).action == "version"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--unheard-of"], "Invalid option `--unheard-of'"),
        (["word"], "Invalid option `word'"),
        (["-d"], "expects an argument"),
        (["--yes-migrate=1"], "takes no argument"),
        (["-p", "70000"], "from 0 to 65535"),
        (["-p", "x"], "from 0 to 65535"),
        (["--headless"], "Invalid option `--headless'"),
    ],
)
def test_mistakes_are_named(arguments: list[str], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_options(arguments)
    assert complaint in str(caught.value)
