"""Waiting that Ctrl-C cannot tear; see also test_event_log."""

from __future__ import annotations

import threading

from simplex_sync._internal.bells import Bells
from simplex_sync._internal.deadline import Deadline

LONG = 20.0


def test_all_that_wait_are_woken() -> None:
    bells = Bells()
    woken: list[bool] = []
    hung = [bells.hang() for _ in range(3)]
    threads = [
        threading.Thread(target=lambda bell=bell: woken.append(bells.wait(bell, Deadline(LONG)))) for bell in hung
    ]
    for thread in threads:
        thread.start()
    bells.ring()
    bells.ring()  # who has not woken yet is woken by the first
    for thread in threads:
        thread.join(LONG)
    assert woken == [True, True, True]


def test_a_bell_that_nobody_rings() -> None:
    bells = Bells()
    bell = bells.hang()
    assert len(bells) == 1
    assert not bells.wait(bell, Deadline(0))
    bells.take_down(bell)
    assert not bells
    bells.ring()
    assert not bells.wait(bell, Deadline(0))


def test_a_ring_before_the_wait_counts() -> None:
    bells = Bells()
    bell = bells.hang()
    bells.ring()
    assert bells.wait(bell, Deadline(None))
