from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from simplex_sync.api import types


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T08:55:26.380828676Z", datetime(2026, 11, 22, 8, 55, 26, 380828, timezone.utc)),
        ("2026-11-22T08:55:26Z", datetime(2026, 11, 22, 8, 55, 26, 0, timezone.utc)),
        ("2026-11-22T08:55:26.5Z", datetime(2026, 11, 22, 8, 55, 26, 500000, timezone.utc)),
        ("2026-11-22 08:55:26", datetime(2026, 11, 22, 8, 55, 26, 0, timezone.utc)),
        ("2026-11-22T08:55:26.1+02:00", datetime(2026, 11, 22, 8, 55, 26, 100000, timezone(timedelta(hours=2)))),
        ("2026-11-22T08:55:26+0130", datetime(2026, 11, 22, 8, 55, 26, 0, timezone(timedelta(minutes=90)))),
    ],
)
def test_times_are_strings_with_a_datetime(text: str, expected: datetime) -> None:
    time = types.UTCTime(text)
    assert time == text
    assert time.datetime == expected
    assert time.datetime.tzinfo is not None


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22", "2026-11-22T08:55", "2026-13-22T08:55:26Z"])
def test_what_is_no_time_says_so_without_telling_the_text(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        _ = types.UTCTime(text).datetime
    assert "yesterday" not in str(caught.value)


def test_members_are_strings() -> None:
    assert types.ChatType.DIRECT == "direct"
    assert types.ChatType("group") is types.ChatType.GROUP
    assert f"{types.ChatType.GROUP}" == str(types.ChatType.GROUP) == "group"
    assert f"{types.ChatType.GROUP:>7}" == "  group"
    assert repr(types.ChatType.GROUP) == "ChatType.GROUP"
    assert json.dumps([types.ChatType.GROUP]) == '["group"]'
    assert types.CIDeleteMode.INTERNAL_MARK.value == "internalMark"
    assert types.GroupMemberStatus("intro-inv") is types.GroupMemberStatus.INTRO_INV
    number: Any = 5
    with pytest.raises(ValueError):
        types.ChatType(number)
    assert number != types.ChatType.GROUP


def test_spelling_is_kept_and_does_not_count() -> None:
    old, new = types.FileProtocol("xftp"), types.FileProtocol("XFTP")
    assert new is types.FileProtocol.XFTP
    assert (old.value, new.value) == ("xftp", "XFTP")
    assert old == new
    assert hash(old) == hash(new)
    assert {old: 1}[new] == 1
    assert old == "XFTP"
    lower: str = new.value.lower()
    assert new == lower
    assert old != types.FileProtocol.SMP
    assert old.is_known
    assert new in ("xftp",)
    assert types.ConnectionMode("inv") == types.ConnectionMode.INV


def test_members_hash_like_their_documented_strings() -> None:
    for kind in (types.ChatType, types.ContactStatus, types.GroupMemberStatus):
        for member in kind:
            assert {member.value: 1}[member] == 1
            assert member in {member.value}


def test_unknown_values_are_kept_but_not_collected() -> None:
    before = len(types.ChatType)
    later = types.ChatType("Later")
    assert later.value == "Later"
    assert not later.is_known
    assert later == types.ChatType("Later") == "Later"
    assert later != types.ChatType("later")
    assert later != "later"
    assert hash(later) == hash("Later")
    assert later != types.ChatType.DIRECT
    assert later not in list(types.ChatType)
    assert len(types.ChatType) == before
    assert types.ChatType("Later") is not later
    # A value that is spelt like a member's name is no member for that.
    assert not types.CIDeleteMode("INTERNAL_MARK").is_known


def test_members_of_different_enums_differ() -> None:
    members: list[Any] = [types.SndCIStatusProgress.COMPLETE, types.FileStatus.COMPLETE]
    assert members[0] != members[1]
    assert members[0].value == members[1].value


@pytest.mark.parametrize("value", ["direct", "Direct", "later"])
def test_members_survive_copies_and_pickles(value: str) -> None:
    member = types.ChatType(value)
    for other in (copy.deepcopy(member), pickle.loads(pickle.dumps(member))):
        assert other == member
        assert other.value == value


def test_records_write_back_the_spelling_that_came() -> None:
    wire = {"fileId": 1, "fileName": "a", "fileSize": 2, "fileStatus": {"type": "sndStored"}, "fileProtocol": "Xftp"}
    record = types.CIFile.from_dict(wire)
    assert record.file_protocol == types.FileProtocol.XFTP
    assert record.to_dict() == wire
    assert type(record.to_dict()["fileProtocol"]) is str
