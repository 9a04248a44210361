"""A simulator that is killed at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.simulator.programs import Program, bot, connected, message

MESSAGES = 120


def texts(program: Program) -> list[str]:
    """Return the texts of the messages that are stored."""
    found = program.do("/_get chat @4 count=1000", "apiChat")["chat"]["chatItems"]
    return [item["meta"]["itemText"] for item in found if "msgContent" in item["content"]]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_receiver_is_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    alice, bob = bot(tmp_path, "alice"), bot(tmp_path, "bob")
    try:
        connected(alice, bob)
        for number in range(MESSAGES):
            alice.do(message(str(number)), "newChatItems")
            if dice.random() < 0.05:
                bob.kill()
                bob = bot(tmp_path, "bob")
        wanted = [str(number) for number in range(MESSAGES)]
        while len(texts(bob)) < MESSAGES:
            bob.event("newChatItems")
        assert texts(bob) == wanted
    finally:
        alice.end()
        bob.end()


@pytest.mark.parametrize("seed", [3, 4])
def test_the_sender_is_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    alice, bob = bot(tmp_path, "alice"), bot(tmp_path, "bob")
    try:
        connected(alice, bob)
        sent = 0
        while sent < MESSAGES:
            burst = dice.randrange(1, 30)
            answered = 0
            for number in range(sent, sent + burst):
                alice.send(message(str(number)))
            wait_for = dice.randrange(burst + 1)
            while answered < wait_for:
                answered += "corrId" in alice.frame()
            alice.kill()
            alice = bot(tmp_path, "alice")
            sent = len(texts(alice))  # what it has kept, it must send
        alice.do(message("last"), "newChatItems")
        while bob.event("newChatItems")["chatItems"][0]["chatItem"]["meta"]["itemText"] != "last":
            pass
        assert texts(bob) == texts(alice)
        assert texts(alice) == [*(str(number) for number in range(sent)), "last"]
    finally:
        alice.end()
        bob.end()


def test_an_invitation_survives_the_death_of_both(tmp_path: Path) -> None:
    alice, bob = bot(tmp_path, "alice"), bot(tmp_path, "bob")
    try:
        link = alice.do("/_connect 1", "invitation")["connLinkInvitation"]["connFullLink"]
        alice.kill()
        bob.do(f"/_connect 1 {link}", "sentConfirmation")
        bob.kill()
        alice, bob = bot(tmp_path, "alice"), bot(tmp_path, "bob")
        alice.event("contactConnected")
        bob.event("contactConnected")
        names = [
            [contact["localDisplayName"] for contact in one.do("/_contacts 1", "contactsList")["contacts"]]
            for one in (alice, bob)
        ]
        assert json.dumps(names) == '[["bob"], ["alice"]]'
    finally:
        alice.end()
        bob.end()
