"""What goes out and comes in: envelopes, their hand-over, delivery statuses and receipts.

An envelope goes from one connection to its peer's queue. Its kind is either one of the handshake kinds (registered with
`@envelope("…")`) or `messages`, which carries chat messages `{"event": "x.msg.new", "params": {…}, "msgId": …}` for the
handlers registered with `@chat_event(entity type, event)`; `receipt` and `gone` are answers to such an envelope.
"""

from __future__ import annotations

import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from .clock import server_timestamp
from .links import random_id
from .network import Position
from .store import define_table

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# Chat messages that travel together, as the CLI packs them, in bytes of JSON.
ENVELOPE_SIZE = 15_000
# The longest single chat message, in bytes of JSON.
MESSAGE_SIZE = 15_602

_DICE = SystemRandom()
_DUE = re.compile(rb'"due":([0-9.]+)}$')

HAND_OVER = 500  # envelopes at a time
RETRY_AFTER = 0.5  # seconds
TAKE_IN = 0.02  # seconds at a time

# Key in the simulator's memory: what the report on the last message of a deleted connection fails with, where it is
# not `noConnectionUser`.
LATE_FAILURES = "lateFailures"

define_table("outbox", "outboxId", {"node": "TEXT"}, autoincrement=True)
define_table("deliveries", "deliveryId", {"connId": "INTEGER", "envelopeId": "TEXT"})
define_table("peers", "peerId", {"node": "TEXT"})
define_table("mailboxes", "mailboxId", {"sender": "TEXT"})

EnvelopeHandler = Callable[["Simulator", Json, Json], None]
ChatEventHandler = Callable[["Simulator", Json, Json], "bool | None"]
StatusHandler = Callable[["Simulator", Json, list[int], str], None]
Answerer = Callable[["Simulator", Json], bool]

_ENVELOPES: dict[str, EnvelopeHandler] = {}
_CHAT_EVENTS: dict[tuple[str, str], ChatEventHandler] = {}
_STATUSES: dict[str, StatusHandler] = {}
_ANSWERERS: dict[str, Answerer] = {}


def envelope(kind: str) -> Callable[[EnvelopeHandler], EnvelopeHandler]:
    """Register what takes envelopes of a kind: `(sim, own connection, envelope)`."""

    def register(handler: EnvelopeHandler) -> EnvelopeHandler:
        _ENVELOPES[kind] = handler
        return handler

    return register


def chat_event(entity_type: str, event: str) -> Callable[[ChatEventHandler], ChatEventHandler]:
    """Register what takes a chat message: `(sim, own connection, message)`; True asks for a delivery receipt.

    The message has `event`, `params`, perhaps `msgId`, and `sentAt` (when the server got it).
    """

    def register(handler: ChatEventHandler) -> ChatEventHandler:
        _CHAT_EVENTS[entity_type, event] = handler
        return handler

    return register


def status_handler(entity_type: str) -> Callable[[StatusHandler], StatusHandler]:
    """Register what learns how a connection's items fare: `(sim, connection, item ids, status)`.

    The status is `sent` (the server has it), `received` (a receipt came) or `gone` (nobody takes it any more).
    """

    def register(handler: StatusHandler) -> StatusHandler:
        _STATUSES[entity_type] = handler
        return handler

    return register


def answers_for(node: str) -> Callable[[Answerer], Answerer]:
    """Register what answers for a node that is nobody's: `(sim, own connection)` says whether receipts come from it.

    What is sent to that node goes nowhere.
    """

    def register(answerer: Answerer) -> Answerer:
        _ANSWERERS[node] = answerer
        return answerer

    return register


# Out.


def post(
    sim: Simulator, connection: Json, kind: str, *, to: Json | None = None, item_ids: Iterable[int] = (), **content: Any
) -> None:
    """Put an envelope in the outbox.

    Args:
        sim: The simulator.
        connection: The own connection: answers go to it.
        kind: The envelope's kind.
        to: The peer's `{"node": …, "queue": …}`; the connection's peer by default.
        item_ids: The chat items whose status depends on it.
        **content: Further keys of the envelope.
    """
    target = to or connection["peer"]
    peer = sim.store.first("peers", node=target["node"]) or sim.store.insert(
        "peers", {"node": target["node"], "sent": 0}
    )
    sequence = peer["sent"] + 1
    sim.store.update("peers", peer["peerId"], sent=sequence)
    reply = {"node": sim.network.node, "queue": connection["queue"]}
    body = {"seq": sequence, "to": target["queue"], "from": reply, "id": random_id(9), "kind": kind, **content}
    sim.store.insert(
        "outbox",
        {
            "node": target["node"],
            "envelope": body,
            "connId": connection["connId"],
            "agentConnId": connection["agentConnId"],
            "itemIds": list(item_ids) or None,
        },
    )


def send(sim: Simulator, connection: Json, messages: list[Json], item_ids: Iterable[int] = ()) -> None:
    """Send chat messages in one envelope.

    Args:
        sim: The simulator.
        connection: The connection.
        messages: `{"event": …, "params": …, "msgId": …}` each.
        item_ids: The chat items whose status depends on it.
    """
    post(sim, connection, "messages", item_ids=item_ids, messages=messages)


def send_items(sim: Simulator, connection: Json, messages: list[tuple[Json, int]]) -> None:
    """Send chat messages, each with its chat item, in as few envelopes as they fit in."""
    batch: list[tuple[Json, int]] = []
    size = 0
    for message, item_id in messages:
        length = message_size(message)
        if batch and size + length > ENVELOPE_SIZE:
            send(sim, connection, [one for one, _ in batch], [id for _, id in batch])
            batch, size = [], 0
        batch.append((message, item_id))
        size += length
    if batch:
        send(sim, connection, [one for one, _ in batch], [id for _, id in batch])


def message_size(message: Json) -> int:
    """Return the size of a chat message on its way, in bytes."""
    return len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


def hand_over(sim: Simulator) -> float | None:
    """Give what is in the outbox to the network, and note what became of it.

    Returns:
        After how many seconds to try again, or None.
    """
    while True:
        faults = sim.network.faults()
        if faults.unreachable:
            return None
        waiting = sim.store.find("outbox", limit=HAND_OVER)
        if not waiting:
            return None
        now = time.time()
        by_node: dict[str, list[Json]] = {}
        for entry in waiting:
            by_node.setdefault(entry["node"], []).append(entry)
        refused = {node for node in by_node if faults.loss and _DICE.random() < faults.loss}
        for node, entries in by_node.items():
            if node not in refused and node not in _ANSWERERS:
                sent: Json = {"sent": server_timestamp()}
                if faults.delay:
                    sent["due"] = now + faults.delay / 1000
                sim.network.deliver(node, [_line({**entry["envelope"], **sent}) for entry in entries])
        done = [entry for entry in waiting if entry["node"] not in refused]
        if done:
            sim.transact(partial(_note_sent, sim, done))
        if refused:
            return RETRY_AFTER


def _line(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _note_sent(sim: Simulator, entries: list[Json]) -> None:
    for entry in entries:
        sim.store.delete("outbox", entry["outboxId"])
        connection = sim.store.get("connections", entry["connId"])
        if connection is None or connection["agentConnId"] != entry["agentConnId"]:
            if entry["envelope"]["kind"] == "messages":
                unknown = {"type": "noConnectionUser", "agentConnId": entry["agentConnId"]}
                failure = sim.memory.get(LATE_FAILURES, {}).pop(entry["agentConnId"], None)
                sim.emit({"type": "chatError", "chatError": failure or {"type": "error", "errorType": unknown}})
                sim.emit_all(sim.take_deferred(entry["agentConnId"]))
        elif "itemIds" in entry:
            sim.store.insert(
                "deliveries",
                {
                    "connId": entry["connId"],
                    "envelopeId": entry["envelope"]["id"],
                    "itemIds": entry["itemIds"],
                },
            )
            _report(sim, connection, entry["itemIds"], "sent")
            answerer = _ANSWERERS.get(entry["node"])
            if answerer is not None and answerer(sim, connection):
                _answered(sim, connection, entry["envelope"]["id"], "received")


def _report(sim: Simulator, connection: Json, item_ids: list[int], status: str) -> None:
    handler = _STATUSES.get(connection["entityType"])
    if handler is not None:
        handler(sim, connection, item_ids, status)


# In.


def take_in(sim: Simulator) -> float | None:
    """Take what others sent, a message a transaction, for a short time, so that clients are not kept waiting.

    Returns:
        After how many seconds the next one is due, or None.
    """
    next_due: float | None = None
    if sim.network.faults().unreachable:
        return None
    end = time.monotonic() + TAKE_IN
    senders = sim.network.senders()
    turn = sim.memory.get("first sender", 0) % len(senders) if senders else 0
    for number, sender in enumerate(senders[turn:] + senders[:turn], turn):
        mailbox = sim.store.first("mailboxes", sender=sender)
        position = Position(mailbox["segment"], mailbox["offset"]) if mailbox else Position()
        for line, after in sim.network.read(sender, position):
            wait = _wait(line)
            if wait > 0:
                next_due = min(wait, next_due or wait)
                break
            sim.transact(partial(_take, sim, sender, line, after))
            if sim.event_queue_full():
                return next_due
            if time.monotonic() > end:
                sim.memory["first sender"] = number + 1  # everybody gets a turn
                return 0.0
    return next_due


def _wait(line: bytes) -> float:
    """Return after how many seconds a line is due; only slow servers make it wait, so `due` is its last key."""
    match = _DUE.search(line)
    return 0.0 if match is None else float(match[1]) - time.time()


def _take(sim: Simulator, sender: str, line: bytes, after: Position) -> None:
    mailbox = sim.store.first("mailboxes", sender=sender)
    if mailbox is None:
        mailbox = sim.store.insert("mailboxes", {"sender": sender, "segment": 0, "offset": 0, "sequence": 0})
    sequence = mailbox["sequence"]
    try:
        body = json.loads(line)
    except ValueError:  # a line that was cut off when its sender was killed; it was sent again, whole
        body = None
    if isinstance(body, dict) and body["seq"] > sequence:
        sequence = body["seq"]
        _handle(sim, body)
    sim.store.update("mailboxes", mailbox["mailboxId"], segment=after.segment, offset=after.offset, sequence=sequence)


def _handle(sim: Simulator, body: Json) -> None:
    connection = sim.store.first("connections", queue=body["to"])
    if connection is None:
        if body["kind"] == "messages":
            own = {"queue": body["to"], "connId": 0, "agentConnId": ""}
            post(sim, own, "gone", to=body["from"], ref=body["id"])
        return
    emitted = sim.mark()
    try:
        with sim.store.attempt():
            _dispatch(sim, connection, body)
    except Exception as fault:  # of the simulator: tell where (never what was in the message), and go on with the next
        sim.back_to(emitted)
        sys.stderr.write(f"simplex-sync simulator: a message of kind {body['kind']} failed: {type(fault).__name__}\n")
        traceback.print_tb(fault.__traceback__, limit=-4)


def _dispatch(sim: Simulator, connection: Json, body: Json) -> None:
    if body["kind"] != "messages":
        _ENVELOPES[body["kind"]](sim, connection, body)
        return
    receipt = False
    for message in body["messages"]:
        current = sim.store.get("connections", connection["connId"])
        handler = _CHAT_EVENTS.get((connection["entityType"], message["event"]))
        if current is not None and handler is not None:
            receipt |= bool(handler(sim, current, {**message, "sentAt": body["sent"]}))
    faults = sim.network.faults()
    if receipt and not (faults.loss and _DICE.random() < faults.loss):
        post(sim, connection, "receipt", to=body["from"], ref=body["id"])


@envelope("receipt")
def _receipt(sim: Simulator, connection: Json, body: Json) -> None:
    _answered(sim, connection, body["ref"], "received")


@envelope("gone")
def _gone(sim: Simulator, connection: Json, body: Json) -> None:
    _answered(sim, connection, body["ref"], "gone")


def _answered(sim: Simulator, connection: Json, envelope_id: str, status: str) -> None:
    delivery = sim.store.first("deliveries", envelopeId=envelope_id)
    if delivery is not None and delivery["connId"] == connection["connId"]:
        sim.store.delete("deliveries", delivery["deliveryId"])
        _report(sim, connection, delivery["itemIds"], status)
