"""Small programs with a client, each a function here: `client_scripts.py NAME FOLDER PROGRAM`."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import sys
import threading
import warnings

from simplex_sync import SimplexChat
from simplex_sync.errors import ConnectionLost, ForkedClient


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def client(folder: str, program: str) -> SimplexChat:
    return SimplexChat(f"{folder}/chat", executable=program, timeout=20)


def wait_for_ever(folder: str, program: str) -> None:
    """To be killed."""
    with client(folder, program) as chat:
        say(pid=chat.pid)
        signal.pause()


def ignoring_signals(folder: str, program: str) -> None:
    """As under nohup; to be killed."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    wait_for_ever(folder, program)


def end_without_close(folder: str, program: str) -> None:
    """Left to atexit."""
    chat = client(folder, program).start()
    say(pid=chat.pid)


def exit_in_a_thread(folder: str, program: str) -> None:
    """The main thread ends while another still waits for an answer."""
    chat = client(folder, program).start()
    say(pid=chat.pid)

    def wait() -> None:
        try:
            chat.send_command('![["gate"]]')
        except ConnectionLost:  # whether it was sent or not, which nobody can tell
            pass  # and print nothing: standard output may be gone already while the interpreter ends

    threading.Thread(target=wait, daemon=True).start()


def forget(folder: str, program: str) -> None:
    """Garbage collected without close."""
    chat = client(folder, program).start()
    pid = chat.pid
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del chat
        gc.collect()
    say(
        pid=pid,
        warned=[f"{each.category.__name__}: {each.message}" for each in caught],
        threads=[thread.name for thread in threading.enumerate()],
    )
    with client(folder, program) as again:  # the lock is free
        say(pid=again.pid)


def use_in_fork(chat: SimplexChat) -> str:
    try:
        chat.show_active_user()
    except ForkedClient as error:
        chat.close()
        return str(error)
    return "answered"


def fork(folder: str, program: str) -> None:
    """A forked process cannot use or end its parent's CLI."""
    with client(folder, program) as chat:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, use_in_fork(chat).encode())
            # A way out with all that an interpreter does at its end.
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        said = os.read(reading, 1000).decode()
        say(pid=chat.pid, said=said, status=status, user=chat.show_active_user().user.local_display_name)


def start_in_fork(folder: str, program: str) -> None:
    """A forked process can have a client of its own, on another database."""
    with client(folder, program) as chat:
        child = os.fork()
        if child == 0:
            with SimplexChat(f"{folder}/other", executable=program, timeout=20) as own:
                say(pid=own.pid)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say(pid=chat.pid, status=status, user=chat.show_active_user().user.local_display_name)


_shared: SimplexChat | None = None


def answer_in_process(_number: int) -> str:
    return "no client" if _shared is None else use_in_fork(_shared)


def processes(folder: str, program: str, method: str) -> None:
    global _shared
    with client(folder, program) as chat:
        _shared = chat
        with multiprocessing.get_context(method).Pool(2) as pool:
            said = pool.map(answer_in_process, range(3))
            pool.close()
            pool.join()
        _shared = None
        say(pid=chat.pid, said=sorted(set(said)), user=chat.show_active_user().user.local_display_name)


def multiprocessing_fork(folder: str, program: str) -> None:
    processes(folder, program, "fork")


def multiprocessing_spawn(folder: str, program: str) -> None:
    processes(folder, program, "spawn")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
