"""Which chat is meant: a record, a reference, or a local display name among one's own chats.

Names are looked up here, in the lists that the CLI gives, and never sent inside a command. Nothing is cached, since
any event could make it stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from simplex_sync._conversation.base import Base
from simplex_sync.api import types
from simplex_sync.errors import InvalidArgument

if TYPE_CHECKING:
    from simplex_sync._conversation.message import Message

__all__ = ["ChatTarget", "Lookups", "Records", "ref_of_chat"]

#: What a chat can be given as.
ChatTarget: TypeAlias = "types.Contact | types.GroupInfo | types.ChatRef | types.AChat | Message | str"

# What somebody is who is no member any more.
_FORMER = frozenset({"removed", "left", "deleted", "rejected"})

R = TypeVar("R", bound=Any)


class Records(list[R]):
    """A list of records that Jupyter shows as a table."""

    def _repr_html_(self) -> str:
        from simplex_sync._conversation.showing import table

        return table(self)._repr_html_()


def ref_of_chat(info: types.ChatInfo) -> types.ChatRef | None:
    """Return the reference of the chat that a ChatInfo describes, or None where messages cannot be in it.

    Args:
        info: The ChatInfo of a chat item.
    """
    if isinstance(info, types.ChatInfoDirect) and isinstance(info.contact, types.Contact):
        return types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=info.contact.contact_id)
    if isinstance(info, types.ChatInfoGroup) and isinstance(info.group_info, types.GroupInfo):
        scope: types.GroupChatScope | None = None
        if isinstance(info.group_chat_scope, types.GroupChatScopeInfoMemberSupport):
            member = info.group_chat_scope.group_member_
            scope = types.GroupChatScopeMemberSupport(group_member_id_=getattr(member, "group_member_id", None))
        return types.ChatRef(chat_type=types.ChatType.GROUP, chat_id=info.group_info.group_id, chat_scope=scope)
    if isinstance(info, types.ChatInfoLocal) and isinstance(info.note_folder, types.NoteFolder):
        return types.ChatRef(chat_type=types.ChatType.LOCAL, chat_id=info.note_folder.note_folder_id)
    return None


class Lookups(Base):
    """`contacts`, `contact`, `groups`, `group`, `members`, and which chat a target is."""

    def contacts(self, timeout: float | None = None) -> Records[types.Contact]:
        """Return the contacts of the active user (`APIListContacts`).

        Args:
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Returns:
            The contacts, in the CLI's order.

        Raises:
            ConnectionLost: The client is closed, or its CLI is gone.
        """
        return Records(self.api_list_contacts(timeout=timeout).contacts)

    def contact(self, name: str, timeout: float | None = None) -> types.Contact:
        """Return the contact of a local display name (`APIListContacts`).

        Args:
            name: The local display name, with or without `@`.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            InvalidArgument: There is no such contact, or the name fits several; nothing was changed or sent to others.
        """
        return _named("contact", "contact", _bare("contact", name, "@"), self.contacts(timeout))

    def groups(self, timeout: float | None = None) -> Records[types.GroupInfo]:
        """Return the groups of the active user (`APIListGroups`).

        Args:
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Returns:
            The groups, in the CLI's order.

        Raises:
            ConnectionLost: The client is closed, or its CLI is gone.
        """
        return Records(self.api_list_groups(timeout=timeout).group_infos)

    def group(self, name: str, timeout: float | None = None) -> types.GroupInfo:
        """Return the group of a local display name (`APIListGroups`).

        Args:
            name: The local display name, with or without `#`.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            InvalidArgument: There is no such group, or the name fits several; nothing was changed or sent to others.
        """
        return _named("group", "group", _bare("group", name, "#"), self.groups(timeout))

    def members(
        self,
        group: types.GroupInfo | types.ChatRef | Message | str,
        *,
        former: bool = False,
        timeout: float | None = None,
    ) -> Records[types.GroupMember]:
        """Return the members of a group, oneself left out (`APIListMembers`).

        Args:
            group: The group: its record, reference, a message in it, or `"#name"`.
            former: Whether those who left or were removed are given as well.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            InvalidArgument: There is no such group.
            CommandError: The CLI answered with an error.
        """
        group_id = self._group_id("members", group, timeout)
        found = self.api_list_members(group_id, timeout=timeout).group.members
        return Records(member for member in found if former or str(getattr(member, "member_status", "")) not in _FORMER)

    def _group_id(self, method: str, group: Any, timeout: float | None = None) -> int:
        if isinstance(group, str):
            return _named(method, "group", _bare(method, group, "#"), self.groups(timeout)).group_id
        ref = self._chat_ref(method, group, "group")
        if ref.chat_type != types.ChatType.GROUP:
            raise InvalidArgument(f"{method}: group must be a group, not another chat", argument="group")
        return ref.chat_id

    def _chat_ref(self, method: str, to: Any, argument: str = "to") -> types.ChatRef:
        """Return the reference of a chat; asks the CLI only where it was given by its name.

        Raises:
            InvalidArgument: It is no chat, or there is none of that name.
        """
        if isinstance(to, types.ChatRef):
            return to
        if isinstance(to, types.Contact):
            return types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=to.contact_id)
        if isinstance(to, types.GroupInfo):
            return types.ChatRef(chat_type=types.ChatType.GROUP, chat_id=to.group_id)
        if isinstance(to, types.NoteFolder):
            return types.ChatRef(chat_type=types.ChatType.LOCAL, chat_id=to.note_folder_id)
        if isinstance(to, str):
            if to.startswith("@"):
                return self._chat_ref(method, _named(method, "contact", to[1:], self.contacts()))
            if to.startswith("#"):
                return self._chat_ref(method, _named(method, "group", to[1:], self.groups()))
            raise InvalidArgument(
                f"{method}: {argument} must begin with @ (a contact) or # (a group) where it is a name",
                argument=argument,
            )
        info = getattr(to.record if hasattr(to, "record") else to, "chat_info", None)
        ref = ref_of_chat(info) if isinstance(info, types.ChatInfo) else None
        if ref is not None:
            return ref
        raise InvalidArgument(
            f"{method}: {argument} must be a Contact, GroupInfo, ChatRef, Message, '@name' or '#name', "
            f"not {type(to).__name__}",
            argument=argument,
        )


def _bare(method: str, name: object, sign: str) -> str:
    if not isinstance(name, str):
        raise InvalidArgument(f"{method}: name must be a str, not {type(name).__name__}", argument="name")
    return name.removeprefix(sign)


def _named(method: str, what: str, name: str, records: Sequence[R]) -> R:
    """Return the record of a local display name.

    A name in other capitals is taken where just one chat has it; profile names, which the other side chooses, never.
    """
    found = [record for record in records if _name(record) == name]
    if not found:
        found = [record for record in records if _name(record).casefold() == name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(repr(_name(record)) for record in found)
        raise InvalidArgument(
            f"{method}: {name!r} fits {len(found)} {what}s: {names}; give the {what}'s record", argument="name"
        )
    names_of_all = [_name(record) for record in records]
    message = f"{method}: there is no {what} {name!r}"
    import difflib  # only needed for mistakes

    close = difflib.get_close_matches(name, names_of_all, n=3)
    if close:
        message += f"; did you mean {' or '.join(map(repr, close))}?"
    elif not names_of_all:
        message += f"; there are no {what}s yet"
    raise InvalidArgument(message, argument="name")


def _name(record: Any) -> str:
    name = getattr(record, "local_display_name", None)
    return name if isinstance(name, str) else ""
