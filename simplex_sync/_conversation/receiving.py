"""Receiving: `messages()`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, cast

from simplex_sync._conversation.chats import ChatTarget, ref_of_chat
from simplex_sync._conversation.inbox import Inbox
from simplex_sync._conversation.message import Message, SentMessage
from simplex_sync._conversation.transfers import Transfers
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync.api import types

if TYPE_CHECKING:
    from typing_extensions import Self

    from simplex_sync._conversation.verbs import Verbs

__all__ = ["MessageStream", "Receiving", "message_of", "selection"]


def message_of(client: Verbs, record: types.AChatItem) -> Message:
    """Return a chat item as a message: one's own as a `SentMessage`.

    Args:
        client: The client.
        record: The chat item.
    """
    own = isinstance(record.chat_item.content, types.CIContentSndMsgContent)
    return SentMessage(client, record) if own else Message(client, record)


def selection(ref: types.ChatRef | None, own: bool, system: bool) -> Callable[[types.AChatItem], bool]:
    """Return a function that says whether a chat item is wanted.

    Args:
        ref: The chat, or None for all.
        own: Whether messages of the user are wanted.
        system: Whether items that are no messages are wanted.
    """

    def wanted(item: types.AChatItem) -> bool:
        content = item.chat_item.content
        if isinstance(content, types.CIContentSndMsgContent):
            right = own
        elif isinstance(content, types.CIContentRcvMsgContent):
            right = True
        else:
            right = system
        if not right or ref is None:
            return right
        there = ref_of_chat(item.chat_info)
        return there is not None and (there.chat_type, there.chat_id) == (ref.chat_type, ref.chat_id)

    return wanted


class MessageStream:
    """A blocking iterator over messages; made by `SimplexChat.messages`.

    The iteration ends quietly when no message has come for `timeout` seconds, or when the stream was closed. Ctrl-C
    loses no message: iterate again, or call `messages()` again.
    """

    def __init__(self, client: Verbs, inbox: Inbox, timeout: float | None) -> None:
        self._client = client
        self._inbox = inbox
        self.timeout = timeout
        self._closed = False
        inbox.stream = weakref.ref(self)

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        if self._closed:
            raise StopIteration
        inbox = self._inbox
        entry, position = inbox.look(self._client, Deadline(self.timeout))
        if entry is None:
            raise StopIteration
        message = message_of(self._client, cast("types.AChatItem", entry))
        # The last thing done, by a plain assignment: an interrupt before it leaves the message in the stream.
        inbox.position = position
        return message

    def close(self) -> None:
        """End the stream; a later `messages()` goes on where it stopped. Can be called again."""
        self._closed = True
        self._inbox.leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MessageStream, {self._inbox.unread} events unread>"


class Receiving(Transfers):
    """`messages`."""

    def messages(
        self,
        timeout: float | None = None,
        *,
        chat: ChatTarget | None = None,
        own: bool = False,
        system: bool = False,
    ) -> MessageStream:
        """Return a blocking iterator over the messages that come, each once.

        The first one of a client starts at the messages that came since `start()`. A later one with the same
        arguments goes on where the earlier one stopped, so nothing is lost when a loop is interrupted and run again.
        While the earlier one is read by another thread, both give every message from then on.

        Nothing is lost and nothing comes twice when the connection is lost or the CLI starts again: what is missing is
        read from its database. Only messages of the active user are given, and only those that came while the CLI ran
        for this client or were waiting for it.

        Args:
            timeout: End the iteration when no message has come for so many seconds. Default: never.
            chat: The chat, as for `send`. Default: all.
            own: Whether messages of the user are given too: those from other devices, say.
            system: Whether items are given that are no messages: of events in groups, features, encryption.

        Returns:
            A stream of `Message`.

        Raises:
            InvalidArgument: There is no such chat.
            ConnectionLost: The client is closed, or its CLI is gone for good.
        """
        seconds = check_timeout("messages", timeout)
        ref = None if chat is None else self._chat_ref("messages", chat, "chat")
        key = (None if ref is None else (str(ref.chat_type), ref.chat_id), bool(own), bool(system))
        inbox = self._inbox("messages", key, selection(ref, own, system))
        return MessageStream(cast("Verbs", self), inbox, seconds)

    def _inbox(
        self,
        method: str,
        key: object,
        wanted: Callable[[types.AChatItem], bool],
        tags: Collection[str] | None = (),
    ) -> Inbox:
        """Return the cursor of earlier streams with the same key where it is free, or a new one."""
        router = self._living_session(method).router
        state = self._conversation
        with state.lock:
            inbox = next((each for each in state.inboxes if each.key == key and each.is_free), None)
            if inbox is None:
                # Where further events are wanted, what was kept from the start does not have them.
                subscription = state.arrivals if not tags and tags is not None else None
                if subscription is not None:
                    state.arrivals = None
                inbox = Inbox(router, key, wanted, tags, subscription)
                state.inboxes.append(inbox)
            else:
                inbox.take_over()
        inbox.prepare(self)
        return inbox
