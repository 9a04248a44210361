"""Waiting for one's own connection: not for whichever contact or group comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.failures import retold
from simplex_sync.api import events, types
from simplex_sync.waiting import event_record, understood

if TYPE_CHECKING:
    from typing_extensions import Self

    from simplex_sync._conversation.chats import Lookups

__all__ = ["LOOK_AGAIN", "WaitingRoom", "contact_of_connection", "is_ready"]

#: Events may have been lost, so the state has to be looked at.
LOOK_AGAIN = object()

_TAGS = frozenset(
    {
        events.ContactConnected.tag,
        events.GroupLinkConnecting.tag,
        events.UserJoinedGroup.tag,
        events.Reconnected.tag,
    }
)
_UNREAD = 10_000


def is_ready(contact: types.Contact) -> bool:
    """Return whether messages can go to and come from a contact.

    Args:
        contact: The contact.
    """
    return contact.active_conn is not None and contact.active_conn.conn_status == "ready"


def contact_of_connection(client: Lookups, conn_id: int) -> types.Contact | None:
    """Return the contact that a connection has led to, where it is ready.

    Args:
        client: The client.
        conn_id: The number of the connection.
    """
    for contact in client.contacts():
        if contact.active_conn is not None and contact.active_conn.conn_id == conn_id and is_ready(contact):
            return contact
    return None


class WaitingRoom:
    """Listens, from the moment at which it is made, for the end of one's own connection.

    Args:
        client: The client.
        method: The name of the method that was called.
    """

    def __init__(self, client: Lookups, method: str) -> None:
        self._method = method
        self._router = client._living_session(method).router
        self._subscription = self._router.subscribe(_TAGS, limit=_UNREAD)
        self._groups: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._router.forget(self._subscription)

    def wait(
        self,
        conn_id: int | None,
        wanted: types.Contact | types.GroupInfo | None,
        deadline: Deadline,
        *,
        any_other: bool = False,
    ) -> types.Contact | types.GroupInfo | object | None:
        """Wait for the connection.

        Args:
            conn_id: The number of the connection, or None where only `wanted` is known.
            wanted: The contact or group that must become connected, or None where it is not known yet.
            deadline: Until when to wait.
            any_other: Whether any other new contact or group may be the one.

        Returns:
            The contact or the group; LOOK_AGAIN where events may have been lost, or another one came that may be it;
            None where the deadline passed.

        Raises:
            ConnectionLost: The client was closed, or its CLI is gone for good.
        """
        subscription = self._subscription
        if isinstance(wanted, types.GroupInfo):
            self._groups.add(wanted.group_id)
        while True:
            frame = subscription.peek(deadline)
            if frame is None:
                if subscription.lost():
                    subscription.read += subscription.lost()
                    return LOOK_AGAIN
                if subscription.error is not None and not deadline.passed:
                    raise retold(self._method, subscription.error)
                return None
            record = event_record(frame)
            found = understood(frame, lambda record: self._found(record, conn_id, wanted))
            subscription.read += 1
            if found is None and any_other and isinstance(record, (events.ContactConnected, events.UserJoinedGroup)):
                found = LOOK_AGAIN
            if found is not None:
                return found

    def _found(self, record: Any, conn_id: int | None, wanted: Any) -> types.Contact | types.GroupInfo | object | None:
        if isinstance(record, events.Reconnected):
            return LOOK_AGAIN
        if isinstance(record, events.ContactConnected):
            contact = record.contact
            mine = isinstance(wanted, types.Contact) and contact.contact_id == wanted.contact_id
            return contact if mine or _is(contact.active_conn, conn_id) else None
        if isinstance(record, (events.GroupLinkConnecting, events.UserJoinedGroup)):
            group = record.group_info
            if _is(record.host_member.active_conn, conn_id):
                self._groups.add(group.group_id)
            if isinstance(record, events.UserJoinedGroup) and group.group_id in self._groups:
                return group
        return None


def _is(connection: types.Connection | None, conn_id: int | None) -> bool:
    return conn_id is not None and connection is not None and connection.conn_id == conn_id
