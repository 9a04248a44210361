"""Records are dataclasses to all who ask, and dataclasses-json can decode them by itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from dataclasses_json import DataClassJsonMixin

from simplex_sync._internal.wire import Record
from simplex_sync.api import responses, types

PROFILE: dict[str, Any] = {"displayName": "alice", "fullName": "Alice", "preferences": {"files": {"allow": "yes"}}}


def reflectively(kind: type[Record], wire: dict[str, Any]) -> Any:
    method: Any = DataClassJsonMixin.from_dict
    return method.__func__(kind, wire)


def test_records_are_dataclasses() -> None:
    profile = types.Profile.from_dict({**PROFILE, "later": 1})
    assert dataclasses.is_dataclass(types.Profile)
    assert [field.name for field in dataclasses.fields(types.VersionRange)] == ["min_version", "max_version", "extra"]
    assert dataclasses.asdict(types.VersionRange(min_version=1, max_version=2))["max_version"] == 2
    changed = dataclasses.replace(profile, full_name="B")
    assert (changed.full_name, changed.extra) == ("B", {"later": 1})
    names = {f.name: f.metadata["dataclasses_json"]["letter_case"](f.name) for f in dataclasses.fields(profile)[:-1]}
    assert names["display_name"] == "displayName"
    # A class does not answer for the fields of the one that it derives from.
    assert [f.name for f in dataclasses.fields(types.CIDirectionGroupRcv)] == ["group_member", "extra"]
    assert [f.name for f in dataclasses.fields(types.CIDirection)] == ["extra"]


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (types.Profile, PROFILE),
        (types.CIQuote, {"chatDir": {"type": "groupSnd"}, "sentAt": "x", "content": {"type": "text", "text": "t"}}),
        (types.CIQuote, {"chatDir": "odd", "sentAt": "x", "content": {"type": "later"}, "formattedText": []}),
        (types.ComposedMessage, {"msgContent": {"type": "file", "text": ""}, "mentions": {"a": 1}}),
        (types.FormattedText, {"text": "t", "format": {"type": "colored", "color": "red"}}),
    ],
)
def test_fields_that_are_unions_decode_by_reflection_too(kind: type[Record], wire: dict[str, Any]) -> None:
    assert reflectively(kind, wire) == kind.from_dict(wire)


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (responses.GroupsList, {"groups": [{"groupInfo": {"groupId": 1}, "groupSummary": {}}, {"groupId": 2}, 5]}),
        (types.UserContactRequest, {"profile": {"profileId": 1, "displayName": "a"}}),
        (types.UserContactRequest, {"profile": {"displayName": "a", "fullName": ""}}),
        (types.UserContactRequest, {"profile": "odd"}),
        (types.User, {"agentUserId": "1"}),
        (types.User, {"agentUserId": 1}),
        (types.Profile, {"preferences": {"commands": [{"type": "later"}]}}),
        (types.Preferences, {"commands": [{"type": "later"}, "odd"]}),
        (types.Preferences, {"commands": "odd"}),
    ],
)
def test_the_decoders_of_single_fields_agree(kind: type[Record], wire: dict[str, Any]) -> None:
    # The objects are not whole, which only the generated decoders take.
    record = kind.from_dict(wire)
    for field, wire_name in zip(dataclasses.fields(kind), kind._wire, strict=False):
        decoder = field.metadata["dataclasses_json"].get("decoder")
        if wire_name in wire and decoder is not None:
            assert decoder(wire[wire_name]) == getattr(record, field.name)
