"""Lookups by local display names, which are never sent: `_conversation.chats`.

Rests on the recorded frames `contactsList`, `groupsList`, `groupMembers` and the chat infos of `newChatItems`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from simplex_sync import SimplexChat, types
from simplex_sync._conversation.chats import Lookups, ref_of_chat
from simplex_sync.errors import InvalidArgument
from tests.unit._conversation.conftest import Pair
from tests.unit._conversation.recorded import recorded_answers, recorded_items


class Listed(Lookups):
    """A client whose lists are those of a recording."""

    timeout = 1.0

    def __init__(self, *names: str) -> None:
        contact = next(recorded_answers("messages", "contactsList")).contacts[-1].to_dict()
        wires = [{**contact, "contactId": index, "localDisplayName": name} for index, name in enumerate(names, 1)]
        self._listed = [types.Contact.from_dict(wire) for wire in wires]

    def api_list_contacts(self, *_: object, **__: object) -> Any:
        return SimpleNamespace(contacts=self._listed)


def test_contacts_by_name() -> None:
    chat = Listed("bob", "Bob_1", "carol smith")
    assert chat.contact("bob").contact_id == 1
    assert chat.contact("@bob").contact_id == 1
    assert chat.contact("BOB_1").contact_id == 2
    assert chat._chat_ref("send", "@carol smith") == types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=3)


def test_a_name_that_was_mistyped_says_what_was_meant() -> None:
    with pytest.raises(InvalidArgument, match=r"contact: there is no contact 'carl'; did you mean 'carol'\?"):
        Listed("bob", "carol").contact("carl")
    with pytest.raises(InvalidArgument, match="there are no contacts yet"):
        Listed().contact("x")
    with pytest.raises(InvalidArgument, match=r"there is no contact 'zzz'$"):
        Listed("bob").contact("zzz")


def test_an_exact_name_wins_and_an_ambiguous_one_is_refused() -> None:
    chat = Listed("bob", "BOB")
    assert chat.contact("BOB").contact_id == 2
    with pytest.raises(InvalidArgument, match="'Bob' fits 2 contacts: 'bob', 'BOB'"):
        chat.contact("Bob")


def test_names_of_profiles_are_not_taken() -> None:
    # The other side chooses them, so whoever calls himself bob would get what is meant for bob.
    chat = Listed("bob_1")
    assert chat.contacts()[0].profile.display_name == "bob"
    with pytest.raises(InvalidArgument, match="did you mean 'bob_1'"):
        chat.contact("bob")


@pytest.mark.parametrize("wrong", ["bob", 7, None, object()])
def test_what_is_no_chat_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^send: to must") as caught:
        Listed("bob")._chat_ref("send", wrong)
    assert caught.value.argument == "to"


def test_a_name_must_be_a_text() -> None:
    with pytest.raises(InvalidArgument, match="contact: name must be a str, not int"):
        Listed().contact(7)  # type: ignore[arg-type]  # the wrong type is the point


@pytest.mark.parametrize("name", ["messages", "groups", "files", "address", "crowd"])
def test_every_recorded_item_is_in_a_chat_that_can_be_sent_to(name: str) -> None:
    for each in recorded_items(name):
        ref = ref_of_chat(each.chat_info)
        assert ref is not None
        assert Listed()._chat_ref("send", each) == ref
        assert ref.chat_type == each.chat_info.tag


def test_the_support_chat_of_a_member_keeps_its_scope() -> None:
    scoped = [each for each in recorded_items("groups") if getattr(each.chat_info, "group_chat_scope", None)]
    assert scoped
    for each in scoped:
        ref = ref_of_chat(each.chat_info)
        assert ref is not None
        assert isinstance(ref.chat_scope, types.GroupChatScopeMemberSupport)


def test_other_kinds_of_chats() -> None:
    folder = types.NoteFolder(
        note_folder_id=1,
        user_id=1,
        created_at=types.UTCTime("2026-01-01T00:00:00Z"),
        updated_at=types.UTCTime("2026-01-01T00:00:00Z"),
        chat_ts=types.UTCTime("2026-01-01T00:00:00Z"),
        favorite=False,
        unread=False,
    )
    assert ref_of_chat(types.ChatInfoLocal(note_folder=folder)) == Listed()._chat_ref("send", folder)
    assert ref_of_chat(types.ChatInfoUnknown(raw={"type": "new"})) is None


def test_lists_of_a_cli(pair: Pair) -> None:
    assert "bob" in [each.local_display_name for each in pair.alice.contacts()]
    assert "<table>" in pair.alice.contacts()._repr_html_()
    with pytest.raises(InvalidArgument, match="members: there is no group 'nowhere'"):
        pair.alice.members("#nowhere")
    with pytest.raises(InvalidArgument, match="members: group must be a group"):
        pair.alice.members(pair.bob_at_alice)  # type: ignore[arg-type]  # the wrong type is the point


def test_groups_and_members(make_any_chat: Callable[..., SimplexChat]) -> None:
    from tests.unit._conversation.conftest import connect

    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    group = alice.create_group("team", members=["bob"])
    assert alice.group("#team").group_id == group.group_id
    next(bob.group_invitations(timeout=20)).accept()
    assert [each.local_display_name for each in alice.members("#team")] == ["bob"]
    assert [each.local_display_name for each in alice.members(group)] == ["bob"]
    alice.api_remove_members(group.group_id, [alice.members(group)[0].group_member_id])
    assert alice.members(group) == []
    assert len(alice.members(group, former=True)) == 1
