"""Statuses of sent messages: `_conversation.delivery`.

Rests on the recorded events `chatItemsStatusesUpdated` of messages.jsonl and groups.jsonl: `sndSent` and `sndRcvd`,
partial and complete.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from simplex_sync import SimplexChat, types
from simplex_sync._conversation.delivery import Deliveries, failure, progress
from simplex_sync._internal.bells import Bells
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.router import Router
from simplex_sync.errors import ClientClosed, ConnectionLost, DeliveryError, EventTimeout
from tests.children.interrupts import NEVER, Interrupt
from tests.unit._conversation.conftest import Pair, unique
from tests.unit._conversation.recorded import frame_of, item, reconnected, recorded_events, user

SENT = types.CIStatusSndSent(snd_progress=types.SndCIStatusProgress.COMPLETE)
PARTLY = types.CIStatusSndSent(snd_progress=types.SndCIStatusProgress.PARTIAL)
DELIVERED = types.CIStatusSndRcvd(
    msg_rcpt_status=types.MsgReceiptStatus.OK, snd_progress=types.SndCIStatusProgress.COMPLETE
)
FAILED = types.CIStatusSndError(agent_error=types.SndErrorOther(snd_error="private details"))


def with_status(item_id: int, status: types.CIStatus) -> types.AChatItem:
    return item(item_id, itemStatus=status.to_dict())


def updated(item_id: int, status: types.CIStatus) -> Any:
    record = with_status(item_id, status).to_dict()
    return frame_of({"type": "chatItemsStatusesUpdated", "user": user(), "chatItems": [record]})


def wait(deliveries: Deliveries, item_id: int, least: float, look: Callable[[], bool], seconds: float = 20) -> Any:
    return deliveries.wait(item_id, lambda status: progress(status) >= least, look, Deadline(seconds))


def test_progress_never_goes_back_in_the_recordings() -> None:
    for name in ("messages", "groups"):
        seen: dict[int, float] = {}
        for record in recorded_events(name, "chatItemsStatusesUpdated"):
            for each in record.chat_items:
                # Several clients speak in a recording, each with numbers of its own.
                key = hash((each.chat_item.meta.item_shared_msg_id, each.chat_item.chat_dir.tag))
                now = progress(each.chat_item.meta.item_status)
                assert now >= seen.get(key, 0)
                assert now > 0
                seen[key] = now


def test_progress_orders_the_statuses() -> None:
    order = [types.CIStatusSndNew(), PARTLY, SENT, DELIVERED, FAILED]
    assert sorted(order, key=progress) == order
    assert progress(types.CIStatusSndWarning(agent_error=types.SndErrorQuota())) < progress(PARTLY)


def test_a_status_that_came_before_is_read_from_the_cli() -> None:
    deliveries = Deliveries(Router())

    def look() -> bool:
        deliveries.note([with_status(7, DELIVERED)])
        return True

    assert wait(deliveries, 7, 4, look) == DELIVERED
    assert wait(deliveries, 7, 4, pytest.fail) == DELIVERED, "what is known is not asked for again"


def test_a_status_that_comes_later_is_waited_for() -> None:
    router = Router()
    deliveries = Deliveries(router)

    def look() -> bool:
        deliveries.note([with_status(7, SENT)])
        router.publish(updated(8, DELIVERED))
        router.publish(updated(7, DELIVERED))
        router.publish(updated(7, SENT))
        return True

    assert wait(deliveries, 7, 4, look) == DELIVERED
    assert wait(deliveries, 8, 4, pytest.fail) == DELIVERED, "one reader notes for all"


def test_an_older_status_does_not_replace_a_later_one() -> None:
    deliveries = Deliveries(Router())
    deliveries.note([with_status(7, DELIVERED)])
    deliveries.note([with_status(7, SENT)])
    assert wait(deliveries, 7, 4, pytest.fail) == DELIVERED


def test_after_a_lost_connection_the_cli_is_asked_again() -> None:
    router = Router()
    deliveries = Deliveries(router)
    looks: list[int] = []

    def look() -> bool:
        looks.append(len(looks))
        deliveries.note([with_status(7, DELIVERED if len(looks) == 2 else SENT)])
        router.publish(reconnected())
        return True

    assert wait(deliveries, 7, 4, look) == DELIVERED
    assert len(looks) == 2


def test_dropped_events_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simplex_sync._conversation.delivery._UNREAD", 2)
    router = Router()
    deliveries = Deliveries(router)
    for number in range(100, 110):
        router.publish(updated(number, SENT))

    def look() -> bool:
        deliveries.note([with_status(100, DELIVERED)])
        return True

    assert wait(deliveries, 100, 4, look) == DELIVERED


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simplex_sync._conversation.delivery._REMEMBERED", 3)
    deliveries = Deliveries(Router())
    deliveries.note([with_status(number, DELIVERED) for number in range(10)])
    assert list(deliveries._known) == [7, 8, 9]


def test_many_wait_at_once_and_one_reads_for_all() -> None:
    router = Router()
    deliveries = Deliveries(router)
    looked = threading.Barrier(9)
    results: dict[int, Any] = {}

    def look(number: int) -> bool:
        deliveries.note([with_status(number, SENT)])
        looked.wait(20)
        return True

    def run(number: int) -> None:
        results[number] = wait(deliveries, number, 4, lambda: look(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    looked.wait(20)
    for number in reversed(range(8)):
        router.publish(updated(number, DELIVERED))
    for thread in threads:
        thread.join(20)
    assert results == dict.fromkeys(range(8), DELIVERED)


def test_nothing_in_time() -> None:
    deliveries = Deliveries(Router())

    def look() -> bool:
        deliveries.note([with_status(7, SENT)])
        return True

    assert wait(deliveries, 7, 4, look, seconds=0.01) is None


def test_an_item_that_is_gone() -> None:
    with pytest.raises(DeliveryError, match="7 is not there any more") as caught:
        wait(Deliveries(Router()), 7, 4, lambda: False)
    assert caught.value.item_id == 7


def test_the_end_of_the_client_ends_the_wait() -> None:
    router = Router()
    deliveries = Deliveries(router)

    def look() -> bool:
        router.close(ClientClosed("the client was closed"))
        return True

    with pytest.raises(ClientClosed):
        wait(deliveries, 7, 4, look)


def test_reasons_hold_no_private_text() -> None:
    assert failure(FAILED) == "other"
    assert "other side" in failure(types.CIStatusSndErrorAuth())
    assert failure(DELIVERED) == ""


def test_sent_and_delivered(pair: Pair) -> None:
    sent = pair.alice.send(pair.bob_at_alice, unique("to be delivered"))
    assert sent.wait_sent() is sent
    assert progress(sent.wait_delivered().status) == 4
    assert sent.wait_delivered(timeout=0.001).status.tag == "sndRcvd", "what is known needs no time"


def test_waiting_for_many_costs_few_commands(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    original = type(pair.alice).api_get_chat

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        asked.append(args)
        return original(self, *args, **options)

    monkeypatch.setattr(type(pair.alice), "api_get_chat", counted)
    for sent in pair.alice.send_many("@bob", [unique("one of many") for _ in range(200)]):
        sent.wait_delivered()
    assert len(asked) <= 10


def test_nobody_receives_while_the_other_side_is_away(make_any_chat: Callable[..., SimplexChat]) -> None:
    from tests.unit._conversation.conftest import connect

    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    connect(alice, bob)
    bob.close()
    sent = alice.send("@bob", "are you there?")
    assert sent.wait_sent().status.tag == "sndSent"
    with pytest.raises(EventTimeout, match=r"wait_delivered: the chat item .* did not get so far in 0.05 seconds"):
        sent.wait_delivered(timeout=0.05)
    bob.start()
    sent.wait_delivered()
    bob.close()
    other = alice.send("@bob", "too late to ask")
    alice.close()
    with pytest.raises(ConnectionLost):
        other.wait_delivered()


def test_a_message_that_was_deleted(pair: Pair) -> None:
    pair.alice.send("@bob", unique("first")).wait_delivered()
    sent = pair.alice.send("@bob", unique("deleted"))
    sent.delete(for_everyone=False)
    pair.alice._conversation.deliveries = None
    with pytest.raises(DeliveryError, match="not there any more"):
        sent.wait_delivered()


def test_messages_to_a_group(make_any_chat: Callable[..., SimplexChat]) -> None:
    from tests.unit._conversation.conftest import connect

    alice, bob, carol = make_any_chat("alice"), make_any_chat("bob"), make_any_chat("carol")
    connect(alice, bob)
    connect(alice, carol)
    group = alice.create_group("team", members=["bob", "carol"])
    for member in (bob, carol):
        next(member.group_invitations(timeout=20)).accept()
    alice.send(group, "to all").wait_delivered()
    carol.close()
    sent = alice.send(group, "to those who are there")
    sent.wait_sent()
    sent.wait_delivered(everyone=False)
    with pytest.raises(EventTimeout):
        sent.wait_delivered(timeout=0.05)


def test_a_status_that_is_not_as_documented_does_not_stop_those_that_follow() -> None:
    router = Router()
    deliveries = Deliveries(router)
    looks: list[int] = []
    router.publish(frame_of({"type": "chatItemsStatusesUpdated", "user": user(), "chatItems": [5]}))
    router.publish(updated(7, SENT))

    def look() -> bool:
        looks.append(1)
        return True

    assert wait(deliveries, 7, 2, look, 5) == SENT
    router.publish(frame_of({"type": "chatItemsStatusesUpdated", "user": user(), "chatItems": None}))
    router.publish(updated(8, DELIVERED))
    assert wait(deliveries, 8, 4, look, 5) == DELIVERED


def test_an_interrupt_anywhere_in_a_wait_leaves_the_reading_to_others() -> None:
    functions = [*vars(threading.Condition).values(), *vars(Bells).values(), *vars(Deliveries).values(), Bells.wait]
    codes = {function.__code__ for function in functions if hasattr(function, "__code__")}
    interrupts = 0
    for number in (NEVER, *range(1, 1000)):
        router = Router()
        deliveries = Deliveries(router)
        router.publish(updated(7, SENT))
        interrupted = False
        before = sys.gettrace()
        sys.settrace(Interrupt(codes, number))
        try:
            wait(deliveries, 7, progress(SENT), lambda: True)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(before)
        router.publish(updated(8, DELIVERED))
        found: list[Any] = []
        other = threading.Thread(
            target=lambda one=deliveries, found=found: found.append(wait(one, 8, 4, lambda: True)), daemon=True
        )
        other.start()
        other.join(5)
        assert found == [DELIVERED]
        if not interrupted and number != NEVER:
            break
        interrupts += interrupted
    assert interrupts > 10


def test_what_another_reader_notes_just_before_the_wait_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router()
    deliveries = Deliveries(router)
    deliveries.note([with_status(7, PARTLY), with_status(8, PARTLY)])
    peek, reads = deliveries._subscription.peek, threading.Event()

    def noted_peek(deadline: Deadline) -> Any:
        if not deadline.passed:
            reads.set()
        return peek(deadline)

    monkeypatch.setattr(deliveries._subscription, "peek", noted_peek)
    reader = threading.Thread(target=wait, args=(deliveries, 8, 4, lambda: True))
    reader.start()
    assert reads.wait(20)
    reads.clear()

    def delivered(status: types.CIStatus) -> bool:
        if status != PARTLY:
            return True
        router.publish(updated(7, DELIVERED))
        assert reads.wait(20)  # the other one has noted it, and reads on
        return False

    assert deliveries.wait(7, delivered, lambda: True, Deadline(5)) == DELIVERED
    router.publish(updated(8, DELIVERED))
    reader.join(20)
    assert not reader.is_alive()
