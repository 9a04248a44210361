"""What became of messages that were sent: their statuses, for those who wait for one.

Nothing is kept until somebody waits. Then one subscription a client collects the statuses, however many messages were
sent: whoever waits reads for all, and the others wait for him. A status that came earlier is read from the CLI.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from simplex_sync._internal.bells import Bells
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.failures import retold
from simplex_sync.api import events, types
from simplex_sync.errors import CommandError, DeliveryError, EventTimeout
from simplex_sync.waiting import event_record, understood

if TYPE_CHECKING:
    from simplex_sync._conversation.base import Base
    from simplex_sync._internal.router import Router

# Statuses that are remembered, and events that are kept for a reader who does not come.
_REMEMBERED = 10_000
_UNREAD = 2_000
# How many items on either side of the one that is looked up come with it, so that waiting for many costs little.
_AROUND = 50
# Seconds after which one who waits for another reader looks whether there is one.
_LOOK_SECONDS = 1.0


def progress(status: types.CIStatus) -> float:
    """Return how far a status is on its way: it never goes back, so the greater of two is the later one.

    Args:
        status: The status of an item of one's own.
    """
    partial = 0.5 if getattr(status, "snd_progress", None) == types.SndCIStatusProgress.PARTIAL else 0.0
    if isinstance(status, types.CIStatusSndSent):
        return 2 - partial
    if isinstance(status, types.CIStatusSndRcvd):
        return 4 - partial
    if isinstance(status, (types.CIStatusSndError, types.CIStatusSndErrorAuth)):
        return 5
    return 1 if isinstance(status, types.CIStatusSndWarning) else 0


def failure(status: types.CIStatus) -> str:
    """Return why a message was not sent, in short, or an empty string where that was not said.

    Args:
        status: The status of an item of one's own.
    """
    if isinstance(status, types.CIStatusSndErrorAuth):
        return "the connection is gone: the other side may have deleted it"
    if isinstance(status, types.CIStatusSndError):
        return getattr(status.agent_error, "tag", "") or "unknown"
    return ""


class Deliveries:
    """The statuses of the messages that one client has sent.

    Args:
        router: Where the events come from.
    """

    def __init__(self, router: Router) -> None:
        tags = (events.ChatItemsStatusesUpdated.tag, events.Reconnected.tag)
        self._subscription = router.subscribe(tags, limit=_UNREAD)
        self._known: OrderedDict[int, types.CIStatus] = OrderedDict()
        self._gaps = 0  # how often events may have been lost
        self._lock = threading.Lock()  # guards what is known
        self._turn = threading.Lock()  # held by whoever reads
        self._bells = Bells()  # rung when more is known, and when nobody reads any more

    def note(self, items: Iterable[types.AChatItem]) -> None:
        """Remember the statuses of items, where they are later than what is known."""
        for each in items:
            item_id, status = each.chat_item.meta.item_id, each.chat_item.meta.item_status
            with self._lock:
                known = self._known.get(item_id)
                if known is None or progress(status) >= progress(known):
                    self._known[item_id] = status
                    self._known.move_to_end(item_id)
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        self._bells.ring()

    def _take(self, event: events.ChatItemsStatusesUpdated) -> bool:
        self.note(event.chat_items)
        return True

    def wait(
        self, item_id: int, reached: Callable[[types.CIStatus], bool], look: Callable[[], bool], deadline: Deadline
    ) -> types.CIStatus | None:
        """Wait until the status of an item is far enough, or an error.

        Args:
            item_id: The number of the item.
            reached: Says whether a status is far enough.
            look: Asks the CLI for the statuses of the item and its neighbours and notes them; False where the item is
                not there any more.
            deadline: Until when to wait.

        Returns:
            The status, or None where the deadline passed.

        Raises:
            DeliveryError: The item is not there any more.
            ConnectionLost: The client was closed, or its CLI is gone for good.
        """
        self._read(Deadline(0), None)
        looked_at = -1
        while True:
            bell = self._bells.hang()  # before the look at what is known, so that no change after it is missed
            try:
                status = self._known.get(item_id)
                if status is not None and (reached(status) or failure(status)):
                    return status
                gaps = self._gaps
                if looked_at != gaps:
                    # Everything that comes after this look is in the subscription, or counts as one more gap.
                    if not look():
                        raise DeliveryError(f"wait: the chat item {item_id} is not there any more", item_id=item_id)
                    looked_at = gaps
                elif not self._read(deadline, bell):
                    return None
            finally:
                self._bells.take_down(bell)

    def _read(self, deadline: Deadline, bell: threading.Lock | None) -> bool:
        """Take in what has come, or wait for it; False where the deadline passed.

        Args:
            deadline: Until when to wait.
            bell: What to wait for while another thread reads; None where that is not to be waited for.
        """
        turns: list[bool] = []
        found = False
        try:
            turns.extend(map(self._turn.acquire, (False,)))  # one step: no interrupt between taking and noting it
            if turns[0]:
                found = self._read_alone(deadline)
        finally:
            if turns and turns[0]:
                self._turn.release()
                self._bells.ring()
        if turns[0]:
            return found
        # Not much longer than a moment: the one who read may have been interrupted before he rang.
        return bell is None or self._bells.wait(bell, Deadline(deadline.at_most(_LOOK_SECONDS))) or not deadline.passed

    def _read_alone(self, deadline: Deadline) -> bool:
        subscription = self._subscription
        frame = subscription.peek(deadline)
        if frame is None:
            if subscription.lost():
                self._gaps += 1
                subscription.read += subscription.lost()
                return True
            if subscription.error is not None and not deadline.passed:
                raise retold("wait", subscription.error)
            return False
        while frame is not None:
            record = event_record(frame)
            if isinstance(record, events.ChatItemsStatusesUpdated):
                if not understood(frame, self._take):
                    self._gaps += 1  # so that who waits asks the CLI instead
            else:
                self._gaps += 1
            subscription.read += 1
            frame = subscription.peek(Deadline(0))
        return True


def wait_for_status(
    client: Base, method: str, ref: types.ChatRef, item_id: int, least: float, seconds: float | None
) -> types.CIStatus:
    """Wait until an item of one's own has got at least so far.

    Args:
        client: The client.
        method: The name of the method that was called.
        ref: The chat.
        item_id: The number of the item.
        least: The least `progress` that is enough.
        seconds: How long to wait, in seconds; None waits for ever.

    Returns:
        The status.

    Raises:
        DeliveryError: The message could not be sent.
        EventTimeout: The status did not come in time.
    """
    state = client._conversation
    router = client._living_session(method).router
    with state.lock:
        deliveries = state.deliveries
        if deliveries is None:
            deliveries = state.deliveries = Deliveries(router)
    deadline = Deadline(seconds)

    def look() -> bool:
        page = types.ChatPaginationAround(item_id=item_id, count=_AROUND)
        try:
            answer = client.api_get_chat(ref, page, timeout=deadline.at_most(client.timeout or 60.0) or 0.01)
        except CommandError as error:
            if error.tag == "chatItemNotFound":
                return False
            raise
        info = answer.chat.chat_info
        deliveries.note(types.AChatItem(chat_info=info, chat_item=item) for item in answer.chat.chat_items)
        return any(item.meta.item_id == item_id for item in answer.chat.chat_items)

    status = deliveries.wait(item_id, lambda status: progress(status) >= least, look, deadline)
    if status is None:
        raise EventTimeout(
            f"{method}: the chat item {item_id} did not get so far in {seconds} seconds; it is on its way still",
            seconds=seconds,
        )
    reason = failure(status)
    if reason:
        raise DeliveryError(f"{method}: the chat item {item_id} was not sent: {reason}", reason=reason, item_id=item_id)
    return status
