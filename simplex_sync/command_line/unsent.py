"""Which messages the CLI has taken and not sent yet: what ends with the program would wait for the next start."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from simplex_sync._internal.deadline import Deadline

# What a message's status is before the servers have it.
_ON_ITS_WAY = frozenset({"sndNew", "sndWarning"})
# Chats whose messages go to servers at all.
_CHATS = frozenset({"direct", "group"})


class UnsentMessages:
    """Takes answers and events, each as it came, and waits until all messages of the answers were sent.

    Answers and events come by different threads, so an event can be seen before the answer that it follows.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._unsent: set[int] = set()
        self._sent_early: set[int] = set()

    def answered(self, response: Mapping[str, Any]) -> None:
        """Note the messages of an answer.

        Args:
            response: The JSON object of the response.
        """
        if response.get("type") != "newChatItems":
            return
        with self._changed:
            for item_id, status in _items(response):
                if status in _ON_ITS_WAY and item_id not in self._sent_early:
                    self._unsent.add(item_id)

    def happened(self, event: Mapping[str, Any]) -> None:
        """Note what an event says of messages.

        Args:
            event: The JSON object of the event.
        """
        if event.get("type") != "chatItemsStatusesUpdated":
            return
        with self._changed:
            for item_id, status in _items(event):
                if status not in _ON_ITS_WAY:
                    self._unsent.discard(item_id)
                    self._sent_early.add(item_id)
            self._changed.notify_all()

    def wait(self, deadline: Deadline) -> int:
        """Wait until all are sent, or could not be, and return how many are not.

        Args:
            deadline: Until when to wait.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._unsent, deadline.remaining())
            return len(self._unsent)


def _items(body: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Give the number and the status of each item that goes to servers."""
    items = body.get("chatItems")
    for each in items if isinstance(items, list) else ():
        with contextlib.suppress(KeyError, TypeError):  # another form than the documented one: nothing to wait for
            if each["chatInfo"]["type"] in _CHATS:
                meta = each["chatItem"]["meta"]
                yield meta["itemId"], meta["itemStatus"]["type"]
