"""Stored messages, a page at a time."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from simplex_sync._conversation.chats import ChatTarget
from simplex_sync._conversation.connecting import Connecting
from simplex_sync._conversation.inbox import number_of
from simplex_sync._conversation.message import Message
from simplex_sync._conversation.receiving import message_of
from simplex_sync.api import types
from simplex_sync.errors import CommandError, InvalidArgument

if TYPE_CHECKING:
    from simplex_sync._conversation.verbs import Verbs

__all__ = ["History", "HistoryStream"]

#: How many items one command gives.
PAGE = 100
# How many items one command gives on the way to the first item, which leads past all the others.
_WALK = 1_000
# How far the clocks of servers and of this machine may be apart.
_SKEW = datetime.timedelta(hours=1)


class _Bounds(NamedTuple):
    """Between which items: by their numbers or their times; None where there is no bound."""

    after_id: int | None
    before_id: int | None
    after_time: datetime.datetime | None
    before_time: datetime.datetime | None

    def holds(self, item: types.ChatItem) -> bool:
        """Return whether an item lies between them."""
        meta = item.meta
        if self.after_id is not None and meta.item_id <= self.after_id:
            return False
        if self.before_id is not None and meta.item_id >= self.before_id:
            return False
        if self.after_time is not None and meta.item_ts.datetime <= self.after_time:
            return False
        return self.before_time is None or meta.item_ts.datetime < self.before_time

    def is_past(self, item: types.ChatItem) -> bool:
        """Return whether, on the way from the newest to the oldest, nothing can follow this item."""
        if self.after_time is None:
            return False
        newest = max(item.meta.item_ts.datetime, item.meta.created_at.datetime)
        return newest < self.after_time - _SKEW


def _bound(name: str, value: Any) -> tuple[int | None, datetime.datetime | None]:
    if value is None:
        return None, None
    if isinstance(value, Message):
        return value.id, None
    if isinstance(value, datetime.datetime):
        # A time without a zone is one of this machine.
        return None, value.astimezone(datetime.timezone.utc)
    if isinstance(value, int) and not isinstance(value, bool):
        return value, None
    raise InvalidArgument(
        f"history: {name} must be a datetime, a Message or the number of an item, not {type(value).__name__}",
        argument=name,
    )


class HistoryStream:
    """An iterator over the stored messages of a chat; made by `SimplexChat.history`. It holds one page at a time.

    An interrupt loses nothing: iterate on.
    """

    def __init__(
        self,
        client: Verbs,
        ref: types.ChatRef,
        bounds: _Bounds,
        search: str | None,
        *,
        newest_first: bool,
        system: bool,
    ) -> None:
        self._client = client
        self._ref = ref
        self._bounds = bounds
        self._search = search
        self._newest_first = newest_first
        self._system = system
        self._info: types.ChatInfo | None = None
        # The page in hand, in the order of reading; how much of it was given; whether more follow.
        self._state: tuple[tuple[types.ChatItem, ...], int, bool] | None = None

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        while True:
            state = self._state
            if state is None:
                state = self._state = self._first()
            page, given, more = state
            while given < len(page):
                item = page[given]
                given += 1
                if number_of(item) is None:  # not as documented, which must not stop those that follow
                    continue
                if self._newest_first and self._bounds.is_past(item):
                    page, given, more = (), 0, False
                    break
                if self._is_wanted(item):
                    assert self._info is not None
                    message = message_of(self._client, types.AChatItem(chat_info=self._info, chat_item=item))
                    # The last thing done, by a plain assignment: an interrupt before it leaves the message there.
                    self._state = (page, given, more)
                    return message
            if not more:
                self._state = ((), 0, False)
                raise StopIteration
            self._state = self._following(page)

    def _is_wanted(self, item: types.ChatItem) -> bool:
        messages = (types.CIContentRcvMsgContent, types.CIContentSndMsgContent)
        return (self._system or isinstance(item.content, messages)) and self._bounds.holds(item)

    def _page(self, pagination: types.ChatPagination) -> list[types.ChatItem]:
        answer = self._client.api_get_chat(self._ref, pagination, search=self._search)
        self._info = answer.chat.chat_info
        return answer.chat.chat_items

    def _first(self) -> tuple[tuple[types.ChatItem, ...], int, bool]:
        number = self._bounds.before_id if self._newest_first else self._bounds.after_id or 0
        pagination: types.ChatPagination = types.ChatPaginationLast(count=PAGE)
        if number is not None:
            side = types.ChatPaginationBefore if self._newest_first else types.ChatPaginationAfter
            pagination = side(item_id=number, count=PAGE)
        try:
            page = self._page(pagination)
        except CommandError as error:
            # The CLI may take only the numbers of items that are there.
            if error.tag != "chatItemNotFound":
                raise
            if not self._newest_first:
                return self._walked_back()
            page = self._page(types.ChatPaginationLast(count=PAGE))
        return tuple(reversed(page) if self._newest_first else page), 0, len(page) == PAGE

    def _walked_back(self) -> tuple[tuple[types.ChatItem, ...], int, bool]:
        """Find the first item, going back from the newest one."""
        page = self._page(types.ChatPaginationLast(count=_WALK))
        pages = 1
        after = self._bounds.after_id
        while len(page) == _WALK and (after is None or page[0].meta.item_id > after):
            page = self._page(types.ChatPaginationBefore(item_id=page[0].meta.item_id, count=_WALK))
            pages += 1
            if not page:
                break
        return tuple(page), 0, pages > 1

    def _following(self, page: tuple[types.ChatItem, ...]) -> tuple[tuple[types.ChatItem, ...], int, bool]:
        """Return the page after this one."""
        error: CommandError | None = None
        for item in reversed(page):
            number = number_of(item)
            if number is None:
                continue
            if not self._newest_first and self._bounds.before_id is not None and number >= self._bounds.before_id:
                return (), 0, False
            pagination: types.ChatPagination
            if self._newest_first:
                pagination = types.ChatPaginationBefore(item_id=number, count=PAGE)
            else:
                pagination = types.ChatPaginationAfter(item_id=number, count=PAGE)
            try:
                found = self._page(pagination)
            except CommandError as failure:
                if failure.tag != "chatItemNotFound":
                    raise
                # That item was deleted meanwhile: begin at the one before, and leave out what was given.
                error = failure
                continue
            more = len(found) == PAGE
            had = set(map(number_of, page))
            new = [each for each in found if number_of(each) not in had]
            return tuple(reversed(new) if self._newest_first else new), 0, more and bool(new)
        if error is not None:
            raise error
        return (), 0, False

    def __repr__(self) -> str:
        return f"<HistoryStream, {'newest' if self._newest_first else 'oldest'} first>"


class History(Connecting):
    """`history`."""

    def history(
        self,
        chat: ChatTarget,
        *,
        before: datetime.datetime | Message | int | None = None,
        after: datetime.datetime | Message | int | None = None,
        search: str | None = None,
        newest_first: bool = False,
        system: bool = False,
    ) -> HistoryStream:
        """Return an iterator over the stored messages of a chat (`APIGetChat`), read a page at a time.

        Args:
            chat: The chat, as for `send`.
            before: Only messages before this time, message, or number of an item.
            after: Only messages after this time, message, or number of an item. A time without a zone is local.
            search: Only messages with this text.
            newest_first: Whether to begin with the newest message.
            system: Whether items are given that are no messages: of events in groups, features, encryption.

        Returns:
            An iterator of `Message`, those of the user among them as `SentMessage`.

        Raises:
            InvalidArgument: An argument cannot be right, or there is no such chat.
        """
        ref = self._chat_ref("history", chat, "chat")
        after_id, after_time = _bound("after", after)
        before_id, before_time = _bound("before", before)
        if search is not None and (not isinstance(search, str) or not search.strip()):
            raise InvalidArgument("history: search must be a text that is not empty, or None", argument="search")
        bounds = _Bounds(after_id, before_id, after_time, before_time)
        return HistoryStream(
            cast("Verbs", self), ref, bounds, search, newest_first=bool(newest_first), system=bool(system)
        )
