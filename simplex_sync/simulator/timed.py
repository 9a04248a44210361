"""Messages that disappear when their time has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .clock import NANOSECONDS, timestamp
from .engine import ticker

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


@ticker
def delete_due(sim: Simulator, now: float) -> float | None:
    """Delete what is due, and return when the next item is, in seconds since 1970."""
    from .editing import deleted, deletion  # here, since editing needs this module

    while True:
        waiting = sim.store.select("items", "deleteAt IS NOT NULL ORDER BY deleteAt LIMIT 1")
        if not waiting:
            return None
        due = _seconds(waiting[0]["deleteAt"])
        if due > now:
            return due
        item = waiting[0]

        def erase(item: Json = item) -> None:
            user = sim.user(item["userId"])
            sim.emit(deleted(sim, user, [deletion(sim, item)], True, timed=True))
            sim.store.delete("items", item["itemId"])

        sim.transact(erase)


def _seconds(text: str) -> float:
    from datetime import datetime  # only where something disappears

    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(whole + "+00:00").timestamp()
    return moment + int(fraction.ljust(9, "0") or 0) / NANOSECONDS


def start_clock(item: Json, now_ns: int) -> Json:
    """Return the meta and the due time of an item that was read just now, if it disappears then."""
    ttl = item["item"]["meta"].get("itemTimed", {}).get("ttl")
    if ttl is None or "deleteAt" in item:
        return {}
    delete_at = timestamp(now_ns + int(ttl) * NANOSECONDS)
    return {"meta": {"itemTimed": {"ttl": ttl, "deleteAt": delete_at}}, "deleteAt": delete_at}
