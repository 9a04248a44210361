"""Those who want to connect, or invite into groups: one decides about each."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from simplex_sync._conversation.waiting_room import LOOK_AGAIN, WaitingRoom, is_ready
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync._internal.failures import retold
from simplex_sync._internal.router import STREAM_LIMIT
from simplex_sync.api import events, types
from simplex_sync.errors import EventTimeout
from simplex_sync.waiting import event_record, understood

if TYPE_CHECKING:
    from simplex_sync._conversation.verbs import Verbs

__all__ = ["ContactRequest", "ContactRequests", "GroupInvitation", "GroupInvitations"]

R = TypeVar("R")

# How many chats are looked through for requests that came earlier.
_CHATS = 1_000
# How far apart the records of one request can be made.
_SAME_MOMENT = datetime.timedelta(milliseconds=50)


class ContactRequest:
    """Somebody who wants to be a contact; made by `SimplexChat.contact_requests`.

    Attributes:
        request_id: The CLI's number of the request.
        name: The local display name that the contact will have.
        profile: The profile that was sent with the request.
        record: The record that it was made of.
    """

    def __init__(self, client: Verbs, request_id: int, name: str, profile: Any, record: Any) -> None:
        self._client = client
        self.request_id = request_id
        self.name = name
        self.profile = profile
        self.record = record

    def accept(self, *, incognito: bool = False, wait: bool = True, timeout: float | None = None) -> types.Contact:
        """Accept the request (`APIAcceptContact`).

        Args:
            incognito: Whether the contact sees a random profile instead of the user's.
            wait: Whether to wait until the contact is connected, which needs the other side to be online.
            timeout: How long that may take in all, in seconds. Default: the client's timeout.

        Returns:
            The contact.

        Raises:
            EventTimeout: The request is accepted, but the other side was not online in time.
            CommandError: The CLI answered with an error.
        """
        client = self._client
        deadline = Deadline(client.timeout if timeout is None else check_timeout("accept", timeout))
        with WaitingRoom(client, "accept") as room:
            answer = client.api_accept_contact(self.request_id, incognito=incognito, timeout=deadline.remaining())
            contact = answer.contact
            while wait and not is_ready(contact):
                found = room.wait(None, contact, deadline)
                if isinstance(found, types.Contact):
                    return found
                if found is not LOOK_AGAIN:
                    raise EventTimeout(
                        f"accept: the request is accepted, but nobody was connected in {deadline.seconds} seconds",
                        seconds=deadline.seconds,
                    )
                contact = next((each for each in client.contacts() if each.contact_id == contact.contact_id), contact)
        return contact

    def reject(self, timeout: float | None = None) -> None:
        """Reject the request (`APIRejectContact`); the other side is not told.

        Args:
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            CommandError: The CLI answered with an error.
        """
        self._client.api_reject_contact(self.request_id, timeout=timeout)

    def __repr__(self) -> str:
        return f"<ContactRequest {self.request_id} of {self.name!r:.40}>"


class GroupInvitation:
    """An invitation into a group; made by `SimplexChat.group_invitations`.

    Attributes:
        group: The group.
        contact: Who invited, or None where it is not known any more.
    """

    def __init__(self, client: Verbs, group: types.GroupInfo, contact: types.Contact | None) -> None:
        self._client = client
        self.group = group
        self.contact = contact

    def accept(self, timeout: float | None = None) -> types.GroupInfo:
        """Join the group (`APIJoinGroup`) and wait until that is done.

        Args:
            timeout: How long it may take in all, in seconds. Default: the client's timeout.

        Returns:
            The group.

        Raises:
            EventTimeout: Who invited was not online in time; the group is joined when he is.
            CommandError: The CLI answered with an error.
        """
        client = self._client
        deadline = Deadline(client.timeout if timeout is None else check_timeout("accept", timeout))
        with WaitingRoom(client, "accept") as room:
            group = client.api_join_group(self.group.group_id, timeout=deadline.remaining()).group_info
            while True:
                found = room.wait(None, group, deadline)
                if isinstance(found, types.GroupInfo):
                    return found
                if found is not LOOK_AGAIN:
                    raise EventTimeout(
                        f"accept: the group was not joined in {deadline.seconds} seconds; it is on its way still",
                        seconds=deadline.seconds,
                    )
                now = next((each for each in client.groups() if each.group_id == group.group_id), group)
                if str(now.membership.member_status) in ("connected", "complete"):
                    return now

    def reject(self, timeout: float | None = None) -> None:
        """Reject the invitation by deleting the group on this side (`APIDeleteChat`).

        Args:
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            CommandError: The CLI answered with an error.
        """
        ref = types.ChatRef(chat_type=types.ChatType.GROUP, chat_id=self.group.group_id)
        self._client.api_delete_chat(ref, chat_delete_mode=types.ChatDeleteModeFull(), timeout=timeout)

    def __repr__(self) -> str:
        return f"<GroupInvitation {self.group.group_id} into {self.group.local_display_name!r:.40}>"


class _Key(NamedTuple):
    """What tells requests apart: the CLI gives their numbers again, so who asks and when counts too."""

    number: int
    name: str
    made_at: datetime.datetime

    def is_that_of(self, other: _Key) -> bool:
        """Return whether both are of one request, whose records were made one after the other."""
        return self[:2] == other[:2] and abs(self.made_at - other.made_at) < _SAME_MOMENT


class Arrivals(Generic[R]):
    """A blocking iterator over requests or invitations: first those that wait already, then those that come."""

    def __init__(self, client: Verbs, method: str, tag: str, timeout: float | None) -> None:
        self._client = client
        self._method = method
        self.timeout = timeout
        router = client._living_session(method).router
        self._subscription = router.subscribe({tag, events.Reconnected.tag}, limit=STREAM_LIMIT)
        router.watch(self, self._subscription)
        self._waiting: deque[tuple[_Key, R]] = deque()
        self._had: dict[int, _Key] = {}
        self._given: _Key | None = None
        self._look()

    def _stored(self) -> list[tuple[_Key, R]]:
        raise NotImplementedError

    def _made_of(self, record: Any) -> tuple[_Key, R] | None:
        raise NotImplementedError

    def _look(self) -> None:
        self._waiting.extend(self._stored())

    def _was_given(self, key: _Key) -> bool:
        had = self._had.get(key.number)
        return (had is not None and had.is_that_of(key)) or key is self._given

    def __iter__(self) -> Iterator[R]:
        return self

    def __next__(self) -> R:
        deadline = Deadline(self.timeout)
        subscription = self._subscription
        while True:
            while self._waiting:
                key, each = self._waiting[0]
                if not self._was_given(key):
                    # The last thing done, by a plain assignment: an interrupt before it leaves the request there.
                    self._given = key
                    return each
                self._had[key.number] = key
                self._waiting.popleft()
            frame = subscription.peek(deadline)
            if frame is not None:
                record = event_record(frame)
                if isinstance(record, events.Reconnected):
                    self._look()
                elif (made := understood(frame, self._made_of)) is not None:
                    self._waiting.append(made)
                subscription.read += 1
            elif subscription.lost():
                self._look()
                subscription.read += subscription.lost()
            elif subscription.error is not None and not deadline.passed:
                raise retold(self._method, subscription.error)
            else:
                raise StopIteration


class ContactRequests(Arrivals[ContactRequest]):
    """Made by `SimplexChat.contact_requests`."""

    def _stored(self) -> list[tuple[_Key, ContactRequest]]:
        client = self._client
        found = []
        for chat in client.api_get_chats(types.PaginationByTimeLast(count=_CHATS)).chats:
            info = chat.chat_info
            if isinstance(info, types.ChatInfoContactRequest):
                found.append(self._of(info.contact_request))
            elif isinstance(info, types.ChatInfoDirect):
                contact = info.contact
                number = contact.contact_request_id
                if number is not None and contact.active_conn is None:
                    request = ContactRequest(client, number, contact.local_display_name, contact.profile, contact)
                    found.append((_Key(number, request.name, contact.created_at.datetime), request))
        return found

    def _of(self, record: types.UserContactRequest) -> tuple[_Key, ContactRequest]:
        number = record.contact_request_id
        request = ContactRequest(self._client, number, record.local_display_name, record.profile, record)
        return _Key(number, request.name, record.created_at.datetime), request

    def _made_of(self, record: Any) -> tuple[_Key, ContactRequest] | None:
        return self._of(record.contact_request) if isinstance(record, events.ReceivedContactRequest) else None


class GroupInvitations(Arrivals[GroupInvitation]):
    """Made by `SimplexChat.group_invitations`."""

    def _stored(self) -> list[tuple[_Key, GroupInvitation]]:
        groups = self._client.groups()
        return [self._of(group, None) for group in groups if str(group.membership.member_status) == "invited"]

    def _of(self, group: types.GroupInfo, contact: types.Contact | None) -> tuple[_Key, GroupInvitation]:
        key = _Key(group.group_id, group.local_display_name, group.created_at.datetime)
        return key, GroupInvitation(self._client, group, contact)

    def _made_of(self, record: Any) -> tuple[_Key, GroupInvitation] | None:
        if not isinstance(record, events.ReceivedGroupInvitation):
            return None
        return self._of(record.group_info, record.contact)
