"""Which profile a simulator starts with, with the answers of somebody at the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from simplex_sync.simulator import startup
from tests.simulator.worlds import World

Answers = Callable[..., list[str]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Answer the questions to come; returns the list of what was asked."""

    def prepare(*lines: str) -> list[str]:
        waiting, asked = list(lines), []

        def ask(prompt: str) -> str:
            asked.append(prompt)
            return waiting.pop(0)

        monkeypatch.setattr(startup, "ask", ask)
        return asked

    return prepare


def test_the_active_profile(world: World) -> None:
    assert startup.choose_user(world.peer("alice").sim)["localDisplayName"] == "alice"


@pytest.mark.parametrize(("version", "prompt"), [("6.4", "display name: "), ("7.0", "display name ")])
def test_a_name_is_asked_until_it_is_valid(
    world: World, answers: Answers, version: str, prompt: str, capfd: pytest.CaptureFixture[str]
) -> None:
    peer = world.peer("x", user=False, version=version)
    asked = answers("#a", "", "##", "a")
    assert startup.choose_user(peer.sim)["localDisplayName"] == "a"
    assert asked == [prompt] * 4
    assert capfd.readouterr().out.splitlines()[-4:] == [
        "invalid display name: #a",
        "you could use this one: a",
        "display name can't be empty",
        "invalid display name: ##",
    ]


def test_names_from_the_command_line(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    bot = world.peer("bot", user=False, bot_name="Bot", bot_files=True)
    profile = startup.choose_user(bot.sim)["profile"]
    assert (profile["displayName"], profile["peerType"]) == ("Bot", "bot")
    assert "preferences" not in profile
    strict = world.peer("strict", user=False, bot_name="Bot")
    assert startup.choose_user(strict.sim)["profile"]["preferences"] == {"files": {"allow": "no"}}
    named = world.peer("named", user=False, user_name="Ann", version="7.0")
    assert "peerType" not in startup.choose_user(named.sim)["profile"]
    for name, options in (("wrong", {"bot_name": "@x"}), ("silent", {"headless": True})):
        peer = world.peer(name, user=False, **options)
        with pytest.raises(SystemExit):
            startup.choose_user(peer.sim)
    told = capfd.readouterr().err
    assert "you could use this one: x" in told
    assert "--user-display-name was not given" in told


def test_one_of_several(world: World, answers: Answers, capfd: pytest.CaptureFixture[str]) -> None:
    peer = world.peer("alice")
    profile = json.dumps({"displayName": "bob", "fullName": "Bob B."})
    peer.do(f'/_create user {{"profile": {profile}, "pastTimestamp": false}}', "activeUser")
    peer.sim.transact(lambda: peer.sim.store.update("users", 2, activeUser=False))
    asked = answers("x", "0", "3", " 2 ")
    assert startup.choose_user(peer.sim)["localDisplayName"] == "bob"
    assert asked == ["user number (1 .. 2): "] * 4
    assert capfd.readouterr().out.splitlines() == [
        "Select user profile:",
        "1: alice",
        "2: bob (Bob B.)",
        "not a number",
        "invalid user number",
        "invalid user number",
    ]
