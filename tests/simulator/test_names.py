"""Display names: valid ones, and those that are taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simplex_sync.simulator.failure import ChatError
from simplex_sync.simulator.names import check_name, free_name, take_name, valid_name
from tests.simulator.worlds import World


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("alice", "alice"),
        ("@bad", "bad"),
        ("#bad@name", "bad@name"),
        ("", ""),
        ("  a  b  ", "a b"),
        ("it's", "its"),
        ("J. R. R. Tolkien", "J. R. R. Tolkien"),
        ("a....b", "a...b"),
        ("a (b)", "a (b)"),
        ("Zoë 🦊", "Zoë 🦊"),
        ("x" * 60, "x" * 50),
        ("e\u0301t\u00e9", "e\u0301t\u00e9"),
    ],
)
def test_valid_names(name: str, valid: str) -> None:
    assert valid_name(name) == valid


@given(st.text(max_size=60))
def test_what_is_made_valid_is_valid(name: str) -> None:
    once = valid_name(name)
    assert valid_name(once) == once


def test_invalid_names_are_refused_with_a_proposal() -> None:
    check_name("alice")
    with pytest.raises(ChatError) as caught:
        check_name("@alice")
    assert caught.value.chat_error["errorType"] == {
        "type": "invalidDisplayName",
        "displayName": "@alice",
        "validName": "alice",
    }


def test_taken_names_get_numbers(world: World) -> None:
    sim = world.peer("alice").sim
    assert [take_name(sim, 1, "bob") for _ in range(3)] == ["bob", "bob_1", "bob_2"]
    free_name(sim, 1, "bob_1")
    assert take_name(sim, 1, "bob") == "bob_1"
    assert take_name(sim, 1, "bob_1") == "bob_1_1"
    assert take_name(sim, 2, "bob") == "bob"  # another user's names
    assert take_name(sim, 1, "alice") == "alice_1"  # the user's own name
