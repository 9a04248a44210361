"""The cursor behind `messages()` and `run()`: every item once, in order, with gaps closed.

Items come as events. Where events were lost (after a reconnect, a restart of the CLI, or when nobody read for long),
the items themselves are still in the CLI's database, and what is missing is read from there.

Two facts decide how. Numbers of items rise over all chats of a database, so an item with a greater number than one that
was seen is a later one. But the CLI gives the items of all chats in the order of their times, which for received
items are the server's, in whole seconds, so an item with a greater number can stand before another. Therefore a gap is
closed by going back page by page until everything is known, and then forward.

An interrupt loses nothing: whatever a read changes is one `Position`, assigned as its very last step. What was given
out is only noted in `seen` by the next read.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.failures import retold
from simplex_sync._internal.router import Router, Subscription
from simplex_sync.api import events, types
from simplex_sync.errors import ClientClosed, CommandError, ConnectionLost, ForkedClient
from simplex_sync.waiting import event_record

if TYPE_CHECKING:
    from simplex_sync._conversation.base import Base

logger = logging.getLogger("simplex_sync")

__all__ = ["MESSAGE_TAGS", "UNREAD", "Entry", "Inbox", "Position", "number_of"]

#: How many unread events are kept; older ones are read from the CLI's database instead.
UNREAD = 2_000
#: The same where other events than items are wanted too, which cannot be read from anywhere else.
UNREAD_EVENTS = 20_000
#: How many numbers of items are remembered, to give each out once.
REMEMBERED = 20_000
#: How many items are read at a time, and how many pages without anything new end the way back.
PAGE = 100
KNOWN_PAGES = 2

_NEW_ITEMS = events.NewChatItems.tag
_RECONNECTED = events.Reconnected.tag
#: The tags of the events that tell of messages, and of messages that may be missing.
MESSAGE_TAGS = frozenset({_NEW_ITEMS, _RECONNECTED})

#: What an inbox gives: an item, or an event that was asked for.
Entry = types.AChatItem | events.Event


def number_of(item: object) -> int | None:
    """Return the number of a chat item, or None where it is none, or has none, as the documents describe it.

    Args:
        item: What stands in the place of a `types.AChatItem` or `types.ChatItem`.
    """
    inner = item.chat_item if isinstance(item, types.AChatItem) else item
    meta = inner.meta if isinstance(inner, types.ChatItem) else None
    number = meta.item_id if isinstance(meta, types.CIMeta) else None
    return number if type(number) is int else None


def _whole(items: object) -> list[types.AChatItem]:
    """Return the chat items of an event; what is none is left out, so that it does not stop those that follow."""
    listed = items if isinstance(items, list) else []
    return [item for item in listed if isinstance(item, types.AChatItem) and number_of(item) is not None]


class Position(NamedTuple):
    """Where a reader is.

    Attributes:
        read: How many frames it is through with.
        entry: How many entries of the next frame it has had.
        given: The number of the item that was given out last; 0 for none.
        gap: Whether items may be missing that have to be read from the database.
        page: The page of the database in hand: the items that follow.
        more: Whether further pages follow the one in hand.
        last: The number of the last item of the page in hand; the next page follows it.
        newest: The greatest number of all items that were looked at, wanted or not.
    """

    read: int = 0
    entry: int = 0
    given: int = 0
    gap: bool = False
    page: tuple[types.AChatItem, ...] = ()
    more: bool = False
    last: int = 0
    newest: int = 0


class Inbox:
    """A cursor over the items of all chats; it belongs to the client, and one reader at a time moves it.

    Args:
        router: Where the events come from.
        key: What readers must have in common to take it over from each other.
        wanted: Says whether an item is to be given.
        tags: Tags of further events that are given as they are; None means all.
        subscription: Events that were kept from the start on, for the first inbox of a client.
    """

    def __init__(
        self,
        router: Router,
        key: object,
        wanted: Callable[[types.AChatItem], bool],
        tags: Collection[str] | None = (),
        subscription: Subscription | None = None,
    ) -> None:
        self.key = key
        self._wanted = wanted
        self._tags = None if tags is None else frozenset(tags)
        self._from_start = subscription is not None
        if subscription is None:
            all_tags = None if tags is None else MESSAGE_TAGS.union(tags)
            subscription = router.subscribe(all_tags, limit=UNREAD_EVENTS if tags or tags is None else UNREAD)
        self._subscription = subscription
        self.position = Position(read=subscription.read)
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._floor: int | None = None
        self._reading: threading.Thread | None = None
        #: The thread that read last, and the stream by which it did; None where it was closed, or where there is none.
        self.reader: threading.Thread = threading.current_thread()
        self.stream: weakref.ref[object] | None = None
        self._closed = False

    @property
    def is_free(self) -> bool:
        """Whether a new stream of this thread may go on where an earlier one stopped."""
        mine = self.reader is threading.current_thread()
        # Looked at here instead of noted by a callback, in which an interrupt (Ctrl-C) would be swallowed.
        gone = self._closed if self.stream is None else self.stream() is None
        return mine or (self._reading is None and (gone or not self.reader.is_alive()))

    def leave(self, stream: object) -> None:
        """Note that a stream was closed, where it is still the one that reads.

        Args:
            stream: The stream.
        """
        if self.stream is not None and self.stream() is stream:
            self.stream = None
            self._closed = True

    def take_over(self) -> None:
        """Let this thread go on where an earlier reader stopped."""
        self.reader = threading.current_thread()

    @property
    def unread(self) -> int:
        """How many events wait to be looked at."""
        return self._subscription.unread()

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._subscription.error is not None

    def prepare(self, client: Base) -> None:
        """Note which items were there before, so that closing a gap never gives one of those.

        Args:
            client: The client, asked for its newest items.
        """
        if self._floor is None:
            # By number, not by time: see above.
            answer = client.api_get_chat_items(types.ChatPaginationLast(count=PAGE))
            self._floor = _greatest(answer.chat_items)
            first = self._subscription.log.first
            record = None if first is None or not self._from_start else event_record(first)
            if isinstance(record, events.NewChatItems):
                self._lower_floor(_whole(record.chat_items))

    def look(self, client: Base, deadline: Deadline) -> tuple[Entry | None, Position]:
        """Return the next entry, or None where none came before the deadline, and the position after it.

        The reader moves on by `inbox.position = position` as the last thing that it does.

        Args:
            client: The client, which is asked for what is missing.
            deadline: Until when to wait.

        Raises:
            ConnectionLost: The client was closed, or its CLI is gone for good.
        """
        thread = threading.current_thread()
        if self._reading is not None and self._reading is not thread and self._reading.is_alive():
            raise RuntimeError("messages: this stream is being read by another thread; make one for each thread")
        self._reading = self.reader = thread
        try:
            while True:
                entry, position = self._step(client, deadline)
                if position is None:
                    return None, self.position
                if entry is not None:
                    return entry, position
                self.position = position
        finally:
            self._reading = None

    def _step(self, client: Base, deadline: Deadline) -> tuple[Entry | None, Position | None]:
        """Look at what comes next: an entry or nothing, and the position after it; no position at the deadline."""
        position = self.position
        subscription = self._subscription
        if position.given:
            self._remember(position.given)
        if subscription.read < position.read:
            subscription.read = position.read
        if position.page:
            return self._from_page(position)
        if position.gap or position.more:
            return self._read_on(client, position, deadline)
        frame = subscription.peek(deadline)
        if frame is not None:
            return self._from_frame(client, position, frame)
        lost = subscription.lost()
        if lost:
            if self._tags is None or self._tags:
                logger.warning("run: %d events were dropped, since they were not read in time", lost)
            return None, position._replace(read=subscription.read + lost, entry=0, gap=True)
        if subscription.error is not None and not deadline.passed:
            raise retold("messages", subscription.error)
        return None, None

    def _remember(self, item_id: int) -> None:
        self._seen[item_id] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    # Events

    def _from_frame(self, client: Base, position: Position, frame: Frame) -> tuple[Entry | None, Position]:
        record = event_record(frame)
        after = position._replace(read=position.read + 1, entry=0)
        entries: list[Entry] = []
        if isinstance(record, events.Reconnected):
            after = after._replace(gap=True)
        if isinstance(record, events.NewChatItems):
            items = _whole(record.chat_items)
            if not position.entry and (not isinstance(record.chat_items, list) or len(items) < len(record.chat_items)):
                logger.warning("messages: an event has items that are not as documented; they are left out")
            self._lower_floor(items)
            after = after._replace(newest=_greatest(items, position.newest))
            if self._is_of_active_user(client, record):
                entries += items
        if self._tags is None or frame.tag in self._tags:
            entries.append(record)
        for index in range(position.entry, len(entries)):
            entry = entries[index]
            following = position._replace(entry=index + 1) if index + 1 < len(entries) else after
            if not isinstance(entry, types.AChatItem):
                return entry, following._replace(given=0)
            item_id = entry.chat_item.meta.item_id
            if item_id not in self._seen and self._wanted(entry):
                return entry, following._replace(given=item_id)
        return None, after

    def _lower_floor(self, items: list[types.AChatItem]) -> None:
        """Items that came as events are new, even where they were in the database before it was asked."""
        lowest = min(_numbers(items), default=None)
        if lowest is not None and self._floor is not None and lowest <= self._floor:
            self._floor = lowest - 1

    @staticmethod
    def _is_of_active_user(client: Base, record: Any) -> bool:
        return getattr(record.user, "user_id", None) == client.user.user_id

    # Gaps

    def _is_missing(self, item: types.AChatItem) -> bool:
        item_id = number_of(item)
        return item_id is not None and item_id > (self._floor or 0) and item_id not in self._seen and self._wanted(item)

    def _from_page(self, position: Position) -> tuple[Entry | None, Position]:
        for index, item in enumerate(position.page):
            if self._is_missing(item):
                given = item.chat_item.meta.item_id
                return item, position._replace(page=position.page[index + 1 :], given=given)
        return None, position._replace(page=())

    def _read_on(self, client: Base, position: Position, deadline: Deadline) -> tuple[None, Position | None]:
        """Read the next page of what is missing; where the CLI is gone, wait for it to come back."""
        there = self._subscription.lost() + self._subscription.unread()
        try:
            if position.gap:
                page = self._back(client, position.newest)
            else:
                page = self._page(client, types.ChatPaginationAfter(item_id=position.last, count=PAGE))
        except (ClientClosed, ForkedClient):
            raise
        except CommandError as error:
            if error.tag != "chatItemNotFound":
                raise
            # The item at which the page should begin was deleted meanwhile, so find out again what is missing.
            return None, position._replace(gap=True, more=False)
        except ConnectionLost:
            # Either it comes back, which an event will say, or its end is told by the subscription.
            if self._subscription.peek(deadline, ahead=there) is None:
                if deadline.passed:
                    return None, None
                if self._subscription.error is not None:
                    raise
                # So many came that the oldest were dropped, and what is waited for may be among these.
            return None, position
        last = [position.last, *_numbers(page)][-1]
        more = len(page) == PAGE
        newest = position.newest if more else _greatest(page, max(position.newest, last))
        return None, position._replace(gap=False, page=tuple(page), more=more, last=last, newest=newest)

    def _back(self, client: Base, newest: int) -> list[types.AChatItem]:
        """Go back until nothing is missing, and return the first page of what has to be read forward.

        Pages of nothing but unwanted items tell nothing while these are newer than all that was looked at: what is
        missing can stand before them.
        """
        newest = max(newest, self._floor or 0)
        page = self._page(client, types.ChatPaginationLast(count=PAGE))
        found = page
        known = 0
        while len(page) == PAGE and known < KNOWN_PAGES:
            numbers = _numbers(page)
            if not numbers:
                break
            page = self._page(client, types.ChatPaginationBefore(item_id=numbers[0], count=PAGE))
            if any(map(self._is_missing, page)):
                found, known = page, 0
            elif _greatest(page) <= newest:
                known += 1
        return found

    @staticmethod
    def _page(client: Base, pagination: types.ChatPagination) -> list[types.AChatItem]:
        return list(client.api_get_chat_items(pagination).chat_items)


def _numbers(items: Collection[types.AChatItem]) -> list[int]:
    """Return the numbers of those items that have one, in their order."""
    return [number for number in map(number_of, items) if number is not None]


def _greatest(items: Collection[types.AChatItem], least: int = 0) -> int:
    """Return the greatest number of some items, or `least` where that is greater."""
    return max([least, *_numbers(items)])
