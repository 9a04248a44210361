"""Work that Ctrl-C does not cut in two."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from typing import NoReturn

import pytest

from simplex_sync._internal.uninterrupted import uninterrupted
from tests.children.interrupts import NEVER, Interrupt

pytestmark = pytest.mark.usefixtures("untraced")

LONG = 20.0
NAME = "work of a test"


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_it_returns_what_the_work_returns() -> None:
    assert uninterrupted(lambda: threading.current_thread().name, NAME) == NAME


def test_it_raises_what_the_work_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        uninterrupted(lambda: 1 / 0, NAME)


def test_another_thread_than_the_main_one_does_it_itself() -> None:
    names: list[str] = []
    thread = threading.Thread(
        target=lambda: names.append(uninterrupted(lambda: threading.current_thread().name, NAME)), name="other"
    )
    thread.start()
    thread.join(LONG)
    assert names == ["other"]


def test_where_no_thread_can_be_started_it_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert uninterrupted(lambda: threading.current_thread().name, NAME) == "MainThread"


@pytest.mark.parametrize("fails", [False, True])
def test_an_interrupt_comes_when_the_work_has_ended(fails: bool) -> None:
    asked = threading.Event()
    done: list[str] = []

    def work() -> str:
        press_ctrl_c()
        assert asked.wait(LONG)
        done.append("done")
        if fails:
            raise ZeroDivisionError
        return "result"

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(work, NAME, give_up=asked.set)
    assert done == ["done"]


def test_a_second_interrupt_does_not_wait_and_the_work_ends_by_itself() -> None:
    asked, gate, ended = threading.Lock(), threading.Event(), threading.Event()
    asked.acquire()

    def work() -> None:
        press_ctrl_c()
        assert asked.acquire(timeout=LONG)
        press_ctrl_c()
        assert gate.wait(LONG)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(work, NAME, give_up=asked.release)  # in C: an interrupt could tear the methods of an Event
    assert not ended.is_set()
    gate.set()
    assert ended.wait(LONG)


@pytest.mark.parametrize("runs", [False, True])
def test_an_interrupt_while_the_thread_is_started(monkeypatch: pytest.MonkeyPatch, runs: bool) -> None:
    done: list[str] = []
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> NoReturn:
        if runs:
            start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        uninterrupted(lambda: done.append("done"), NAME)
    assert len(done) <= runs


def test_a_thread_that_begins_after_the_interrupt_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    threads: list[threading.Thread] = []
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> NoReturn:
        threads.append(thread)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            uninterrupted(lambda: done.append("done"), NAME)
    start(threads[0])
    threads[0].join(LONG)
    assert done == []


def test_a_thread_that_an_interrupt_keeps_from_beginning_is_waited_for_by_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []

    def interrupted(thread: threading.Thread) -> NoReturn:
        # As where the interrupt leaves the lock taken that is in the Event by which a thread says that it has begun.
        threads.append(thread)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        patch.setattr(threading.Thread, "ident", property(lambda _thread: 1))
        with pytest.raises(KeyboardInterrupt):
            uninterrupted(lambda: None, NAME)
    assert threads[0].daemon


def test_an_interrupt_anywhere_comes_when_the_work_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = (threading.Event.wait, threading.Condition.wait, threading.Condition.__enter__, uninterrupted)
    codes = {function.__code__ for function in functions}
    # Its own way is Python's, which an interrupt can tear.
    monkeypatch.setattr(threading.Thread, "start", lambda thread: _thread.start_new_thread(thread.run, ()))
    interrupts = 0
    for number in (NEVER, *range(1, 1000)):
        began, gate, ended = threading.Lock(), threading.Event(), threading.Event()

        def work(began: threading.Lock = began, gate: threading.Event = gate, ended: threading.Event = ended) -> None:
            began.acquire()
            gate.wait(0.01)
            ended.set()

        interrupted = False
        before = sys.gettrace()
        sys.settrace(Interrupt(codes, number))
        try:
            uninterrupted(work, NAME)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(before)
        assert ended.is_set() or not began.locked()
        if not interrupted and number != NEVER:
            break
        interrupts += interrupted
    assert interrupts > 3
