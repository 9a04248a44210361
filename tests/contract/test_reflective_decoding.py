"""The generated decoders agree with dataclasses-json's own reflective decoding, and are many times as fast."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from dataclasses_json import DataClassJsonMixin

from simplex_sync._internal.wire import Record, Tagged, Unknown
from simplex_sync.api import types
from tests.contract import recordings
from tests.contract.record_walk import decode, records

# What dataclasses-json cannot decode by itself, and why. Unions as fields are decoded through the decoder that the
# field's metadata names; each of their variants is compared as a record of its own.
CANNOT = {
    "ConnStatus": "it is a string in CLI 6.4",
}


# How many records of one type and one set of keys are compared: reflection is slow.
SAMPLES = 3


def reflectively(kind: type[Record], wire: dict[str, Any]) -> Any:
    """Decode with dataclasses-json alone: only its metadata is used, none of the generated decoders of records."""
    method: Any = DataClassJsonMixin.from_dict
    return method.__func__(kind, wire)


def samples() -> tuple[dict[str, list[Record]], set[str]]:
    """Records of every type of the recordings, a few of each set of keys; and the names of those left out."""
    found: dict[str, list[Record]] = {}
    shapes: Counter[tuple[str, frozenset[str]]] = Counter()
    left_out: set[str] = set()
    for frame in recordings.everything():
        for record in records(decode(frame.wire, frame.is_response)):
            name = type(record).__name__
            if isinstance(record, Unknown) or name in CANNOT or record.extra:
                left_out.add(name)
                continue
            shape = (f"{type(record).__module__}.{name}", frozenset(record.to_dict()))
            shapes[shape] += 1
            if shapes[shape] <= SAMPLES:
                found.setdefault(shape[0], []).append(record)
    return found, left_out


def test_both_ways_of_decoding_agree_on_every_type_of_the_recordings() -> None:
    found, left_out = samples()
    for name, of_type in found.items():
        for record in of_type:
            wire = record.to_dict()
            if isinstance(record, Tagged):
                del wire["type"]
            other = reflectively(type(record), wire)
            assert other == record, name
            assert other.to_dict() == record.to_dict(), name
    if recordings.ARE_OWN:
        assert len(found) > 150
        assert left_out == {*CANNOT, "InvitedByUnknown", "MsgContentUnknown"}


def seconds(run: Callable[[], object], times: int) -> float:
    """The shortest of several runs, in seconds: what else the machine does only makes them longer."""
    shortest = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        run()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest


def test_the_generated_decoder_is_at_least_fifty_times_as_fast() -> None:
    contacts = recordings.contacts_of_crowd()
    for contact in contacts:
        assert reflectively(types.Contact, contact) == types.Contact.from_dict(contact)
    slow = seconds(lambda: [reflectively(types.Contact, contact) for contact in contacts], 3)
    fast = seconds(lambda: [types.Contact.from_dict(contact) for contact in contacts], 50)
    print(f"{slow / fast:.0f} times as fast: {fast / len(contacts) * 1e6:.1f} microseconds a contact")
    assert slow / fast >= 50, f"{slow / fast:.0f} times as fast"
