from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import pprint
from typing import Any

import pytest

from simplex_sync._internal.wire import Record
from simplex_sync.api import commands, events, responses, types

PROFILE: dict[str, Any] = {"displayName": "alice", "fullName": "Alice", "preferences": {"files": {"allow": "yes"}}}


def test_an_absent_field_is_none_and_none_is_absent() -> None:
    profile = types.Profile.from_dict(PROFILE)
    assert profile.short_descr is None
    assert profile.to_dict() == PROFILE
    nothing: Any = None
    profile.full_name = nothing
    assert "fullName" not in profile.to_dict()


def test_fields_are_keyword_only_and_named_in_snake_case() -> None:
    kind: Any = types.VersionRange
    with pytest.raises(TypeError):
        kind(1, 2)
    assert types.VersionRange(min_version=1, max_version=2).to_dict() == {"minVersion": 1, "maxVersion": 2}
    assert {"chat_item_ttl", "custom_data"} <= set(types.Contact._fields)
    assert "contact_id_" in types.UserContactRequest._fields


def test_unknown_fields_are_kept_and_written_back() -> None:
    wire = {**PROFILE, "later": {"a": [1, None]}}
    profile = types.Profile.from_dict(wire)
    assert profile.extra == {"later": {"a": [1, None]}}
    assert profile.to_dict() == wire


def test_extra_is_always_a_dict_that_can_be_written_to() -> None:
    profile = types.Profile.from_dict(PROFILE)
    assert profile.extra == {}
    profile.extra["mine"] = 1
    assert profile.to_dict()["mine"] == 1


def test_explicit_nulls_come_back_unless_the_field_was_set() -> None:
    wire = {**PROFILE, "image": None, "fullName": None}
    profile = types.Profile.from_dict(wire)
    assert profile.to_dict() == wire
    profile.image = "data:"
    assert profile.to_dict() == {**wire, "image": "data:"}


@pytest.mark.parametrize("odd", [None, True, 7, 1.5, "text", [1], {"a": 1}])
def test_a_value_of_another_json_type_is_kept_as_it_came(odd: Any) -> None:
    wire = {"displayName": odd, "fullName": "", "preferences": odd, "peerType": odd}
    assert json.dumps(types.Profile.from_dict(wire).to_dict(), sort_keys=True) == json.dumps(wire, sort_keys=True)


@pytest.mark.parametrize("missing", ["minVersion", "maxVersion"])
def test_a_missing_required_field_is_none(missing: str) -> None:
    wire = {"minVersion": 1, "maxVersion": 2, "more": 3}
    del wire[missing]
    record = types.VersionRange.from_dict(wire)
    values: list[Any] = [record.min_version, record.max_version]
    assert values.count(None) == 1
    assert record.to_dict() == wire


@pytest.mark.parametrize("wrong", [None, [], "x", 1])
def test_from_dict_takes_objects_only(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"Profile\.from_dict: a JSON object"):
        types.Profile.from_dict(wrong)
    with pytest.raises(TypeError, match="is needed"):
        responses.decode(wrong)
    with pytest.raises(TypeError, match="is needed"):
        events.decode(wrong)


def test_json_text_both_ways() -> None:
    profile = types.Profile.from_json(json.dumps(PROFILE))
    assert json.loads(profile.to_json()) == PROFILE
    assert profile.to_json(sort_keys=True, indent=1) == json.dumps(PROFILE, sort_keys=True, indent=1)
    with pytest.raises(json.JSONDecodeError):
        types.Profile.from_json("{")


def test_the_interface_takes_what_that_of_dataclasses_json_takes() -> None:
    assert types.Profile.from_dict(PROFILE, infer_missing=True).to_dict(encode_json=True) == PROFILE
    assert types.Profile.from_json(json.dumps(PROFILE), infer_missing=True).full_name == "Alice"


def test_a_mapping_that_is_a_dict_of_another_class_decodes_too() -> None:
    class Other(dict[str, Any]):
        pass

    assert types.Profile.from_dict(Other(PROFILE)) == types.Profile.from_dict(PROFILE)
    wire = {"type": "cmdOk", "more": 1}
    assert responses.decode(Other(wire)).to_dict() == wire


def test_equality_looks_at_class_fields_and_extra() -> None:
    one, two = types.Profile.from_dict(PROFILE), types.Profile.from_dict(PROFILE)
    assert one == two
    two.extra.clear()
    assert one == two
    two.extra["a"] = 1
    assert one != two
    assert one != types.Profile.from_dict({**PROFILE, "fullName": "B"})
    assert types.CIDirectionDirectSnd() != types.CIDirectionDirectRcv()
    assert one != PROFILE
    with pytest.raises(TypeError):
        hash(one)


@pytest.mark.parametrize(
    "record",
    [
        types.Profile.from_dict({**PROFILE, "later": 1}),
        types.CIDirectionDirectSnd(),
        types.MsgContent.from_dict({"type": "new", "text": "t"}),
        types.ConnStatus(tag="snd-ready"),
        events.Reconnected(gap_possible=True),
        responses.decode({"type": "never heard of"}),
    ],
    ids=lambda record: type(record).__name__,
)
def test_copies_and_pickles_are_equal(record: Record) -> None:
    for other in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert type(other) is type(record)
        assert other.to_dict() == record.to_dict()
        assert other == record


def test_variants_are_chosen_by_type() -> None:
    content = types.MsgContent.from_dict({"type": "text", "text": "hello"})
    assert isinstance(content, types.MsgContentText)
    assert (content.tag, types.MsgContentText.tag) == ("text", "text")
    assert types.MsgContentText.from_dict({"type": "text", "text": "hello"}) == content
    assert types.MsgContentText.from_dict({"text": "hello"}) == content
    with pytest.raises(ValueError, match=r"MsgContentText.from_dict: .*MsgContent.from_dict"):
        types.MsgContentText.from_dict({"type": "file", "text": "hello"})


@pytest.mark.parametrize("wire", [{"type": "later", "text": "t", "x": 1}, {"text": "t"}, {"type": 5}, {"type": ["a"]}])
def test_an_unknown_variant_keeps_the_whole_object(wire: dict[str, Any]) -> None:
    content = types.MsgContent.from_dict(wire)
    assert isinstance(content, types.MsgContentUnknown)
    assert content.raw == wire
    assert content.tag == (wire["type"] if isinstance(wire.get("type"), str) else "")
    assert content.text == wire.get("text", "")
    assert content.to_dict() == wire


def test_documented_variants_called_unknown_are_the_unknown_variant() -> None:
    for union in (types.CIForwardedFrom, types.InvitedBy):
        record = union.from_dict({"type": "unknown"})
        assert type(record).__name__ == f"{union.__name__}Unknown"
        assert record.tag == "unknown"


@pytest.mark.parametrize("value", ["text", None, 5, [1]])
def test_what_is_no_object_where_a_union_is_expected_is_kept(value: Any) -> None:
    wire = {"chatDir": value, "chatItem": value, "sentAt": value, "reaction": value}
    assert types.CIReaction.from_dict(wire).to_dict() == wire


def test_unknown_responses_and_events() -> None:
    response = responses.decode({"type": "later", "a": 1})
    assert isinstance(response, responses.UnknownResponse)
    assert (response.tag, response.raw) == ("later", {"type": "later", "a": 1})
    odd: list[dict[str, Any]] = [{}, {"type": None}, {"type": {}}]
    for wire in odd:
        event = events.decode(wire)
        assert isinstance(event, events.UnknownEvent)
        assert event.tag == ""
        assert event.to_dict() == wire
    made = events.UnknownEvent(tag="broken", raw={"unreadable": "x"})
    assert (made.tag, made.raw) == ("broken", {"unreadable": "x"})


def test_the_marker_of_the_library_never_comes_from_the_wire() -> None:
    assert isinstance(events.decode({"type": "reconnected"}), events.UnknownEvent)
    marker = events.Reconnected(gap_possible=False, restarted=True)
    assert (marker.tag, marker.gap_possible, marker.restarted) == ("reconnected", False, True)
    with pytest.raises(TypeError, match="Reconnected"):
        events.Reconnected.from_dict({"type": "reconnected"})


def test_deep_nesting_neither_crashes_nor_loses_anything() -> None:
    command: dict[str, Any] = {"type": "command", "keyword": "k", "label": "l"}
    error: dict[str, Any] = {"type": "AUTH"}
    for _ in range(10_000):
        command = {"type": "menu", "label": "m", "commands": [command]}
        error = {"type": "PROXY", "proxyErr": {"type": "PROTOCOL", "protocolErr": error}}
    menu = types.ChatBotCommand.from_dict(command).to_dict()
    proxy = types.ErrorType.from_dict(error).to_dict()
    depth = 0
    while menu["type"] == "menu":
        menu, proxy, depth = menu["commands"][0], proxy["proxyErr"]["protocolErr"], depth + 1
    assert depth == 10_000
    assert (menu["keyword"], proxy) == ("k", {"type": "AUTH"})


def test_moderate_nesting_is_decoded_to_the_end() -> None:
    command: dict[str, Any] = {"type": "command", "keyword": "k", "label": "l"}
    for _ in range(20):
        command = {"type": "menu", "label": "m", "commands": [command]}
    record: Any = types.ChatBotCommand.from_dict(command)
    for _ in range(20):
        record = record.commands[0]
    assert isinstance(record, types.ChatBotCommandCommand)


def test_to_dict_is_new_and_can_be_changed() -> None:
    wire = {"contactId": 4, "chatTags": [1]}
    contact = types.Contact.from_dict(wire)
    contact.to_dict()["chatTags"].append(2)
    assert contact.chat_tags == [1]


def test_repr_is_short_and_hides_what_is_private() -> None:
    meta = types.CIMeta.from_dict(
        {"itemId": 5, "itemText": "secret words", "itemTs": "2026-11-22T08:55:26.380828676Z", "itemEdited": False}
    )
    assert repr(meta) == "CIMeta(item_id=5, item_ts=2026-11-22T08:55:26.380828676Z, item_edited=False)"
    wide = types.User.from_dict({"userId": 1, "localDisplayName": "x" * 39, "activeUser": True, "showNtfs": True})
    assert "local_display_name='xxx" in repr(wide)
    odd = types.CIMeta.from_dict({"itemId": "secret", "itemTs": "secret", "itemStatus": {"type": "secret words"}})
    assert "secret" not in repr(odd)
    assert "?" in repr(odd)
    assert repr(types.MsgContent.from_dict({"type": "a b", "text": "secret"})) == "MsgContentUnknown(?)"
    assert repr(types.MsgContent.from_dict({"text": "secret"})) == "MsgContentUnknown()"
    feature = types.ChatFeature("secret words")
    assert "secret" not in repr(feature)
    long = repr(types.GroupPreferences.from_dict(dict.fromkeys(types.GroupPreferences._wire, True)))
    assert len(long) <= 120
    assert long.endswith("…)")


def test_pprint_shows_records_and_commands_like_a_repr() -> None:
    file = types.CryptoFile(file_path="private name", crypto_args=None)
    content = types.MsgContentText(text="private text")
    record = types.ComposedMessage(file_source=file, msg_content=content, mentions={})
    command = commands.APISetContactAlias(contact_id=4, local_alias="private alias")
    for each in (record, command, content):
        assert pprint.pformat(each, width=1) == repr(each)
    assert "private" not in pprint.pformat([record, {"a": command}], width=1)


def test_a_dataclass_can_be_made_of_a_record() -> None:
    @dataclasses.dataclass(init=False, eq=False, repr=False)
    class Mine(types.MsgContentText):
        __slots__ = ()

    assert Mine(text="x").text == "x"


def test_classes_without_fields_keep_what_they_do_not_know() -> None:
    wire = {"type": "directSnd", "more": 1}
    assert types.CIDirection.from_dict(wire).to_dict() == wire
    assert types.CIDirection.from_dict(wire).extra == {"more": 1}
    # Decoders of classes without fields take what is no object as all others do.
    assert types.CIDirectionDirectSnd._decode("text") == "text"
    assert types.Record._decode is not types.CIDirectionDirectSnd._decode
    with pytest.raises(NotImplementedError):
        types.Record.from_dict({})
