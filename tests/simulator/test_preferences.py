"""What a user and a contact allow each other."""

from __future__ import annotations

import pytest

from simplex_sync.simulator.preferences import (
    DEFAULTS,
    feature_item,
    full_preferences,
    merged_preferences,
    time_to_live,
    ttl_text,
)


def test_missing_preferences_are_the_defaults() -> None:
    assert full_preferences(None) == {**DEFAULTS, "commands": []}
    full = full_preferences({"voice": {"allow": "no"}, "commands": [1]}, {"voice": {"allow": "always"}})
    assert full["voice"] == {"allow": "always"}
    assert full["commands"] == [1]


@pytest.mark.parametrize(
    ("mine", "theirs", "enabled"),
    [
        ("yes", "yes", (True, True)),
        ("yes", "no", (False, False)),
        ("no", "yes", (False, False)),
        ("always", "no", (False, True)),
        ("no", "always", (True, False)),
        ("always", "yes", (True, True)),
        ("no", "no", (False, False)),
    ],
)
def test_what_follows_from_both(mine: str, theirs: str, enabled: tuple[bool, bool]) -> None:
    merged = merged_preferences({"voice": {"allow": mine}}, {}, {"voice": {"allow": theirs}})
    assert tuple(merged["voice"]["enabled"].values()) == enabled
    timed = merged_preferences({"timedMessages": {"allow": mine}}, {}, {"timedMessages": {"allow": theirs}})
    both = "no" not in (mine, theirs)
    assert timed["timedMessages"]["enabled"] == {"forUser": both, "forContact": both}


def test_preferences_for_a_contact_win_and_are_marked() -> None:
    merged = merged_preferences({"voice": {"allow": "yes"}}, {"voice": {"allow": "no"}}, None)
    assert merged["voice"]["userPreference"] == {"type": "contact", "preference": {"allow": "no"}}
    assert merged["calls"]["userPreference"]["type"] == "user"
    assert "commands" not in merged
    assert merged_preferences(None, {}, {"commands": []})["commands"] == []


def test_items_tell_what_holds() -> None:
    merged = merged_preferences(
        None,
        {"timedMessages": {"allow": "yes", "ttl": 86400}, "voice": {"allow": "always"}},
        {"voice": {"allow": "no"}},
    )
    content, text = feature_item("snd", "timedMessages", merged)
    assert text == "Disappearing messages: enabled (1 day)"
    assert content == {
        "type": "sndChatFeature",
        "feature": "timedMessages",
        "enabled": {"forUser": True, "forContact": True},
        "param": 86400,
    }
    assert feature_item("rcv", "voice", merged)[1] == "Voice messages: enabled for contact"
    assert feature_item("rcv", "fullDelete", merged)[1] == "Full deletion: off"
    swapped = merged_preferences(None, {"voice": {"allow": "no"}}, {"voice": {"allow": "always"}})
    assert feature_item("rcv", "voice", swapped)[1] == "Voice messages: enabled for you"
    assert feature_item("rcv", "timedMessages", swapped)[1] == "Disappearing messages: allowed"


def test_time_to_live() -> None:
    assert time_to_live(merged_preferences(None, {}, None)) is None
    assert time_to_live(merged_preferences(None, {"timedMessages": {"allow": "no"}}, None)) is None
    assert time_to_live(merged_preferences({"timedMessages": {"allow": "yes", "ttl": 30}}, {}, None)) == 30


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 sec"), (30, "30 sec"), (300, "5 min"), (3600, "1 hour"), (90_000, "1 day 1 hour"), (7 * 86400, "1 week"),
     (14 * 86400, "2 weeks"), (3 * 86400, "3 days"), (30 * 86400, "1 month"),
     (61 * 86400, "2 months 1 day"), (7320, "2 hours 2 min")],
)  # fmt: skip
def test_time_to_live_in_words(seconds: int, text: str) -> None:
    assert ttl_text(seconds) == text
