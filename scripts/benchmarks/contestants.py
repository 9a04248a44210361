"""Other ways to talk to the CLI, each in a process of its own: `contestants.py NAME PORT`.

It connects and says `ready`, then answers each line `COUNT COMMAND` on its standard input with the seconds that each of
so many calls took, as a JSON list.

* `bare`: the barest blocking loop: `websocket-client`, `json.dumps`, `json.loads`; no types, no threads. After the line
  `COUNT parse COMMAND` it tells the seconds of `json.loads` alone.
* `simplex-chat-py`, `dexgram-bot`: the async wrappers of these names, untyped.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

#: The modules without which a contestant cannot take part.
NEEDED = {"bare": "websocket", "simplex-chat-py": "simplex_chat", "dexgram-bot": "dexgram"}


def is_installed(name: str) -> bool:
    """Return whether a contestant can take part."""
    return importlib.util.find_spec(NEEDED[name]) is not None


def open_bare(port: int) -> Callable[[str], str]:
    """Return a function that sends a command string and returns the text of the answer, over the barest socket."""
    websocket = importlib.import_module("websocket")
    connection = websocket.create_connection(f"ws://127.0.0.1:{port}", skip_utf8_validation=True)
    number = 0

    def call(text: str) -> str:
        nonlocal number
        number += 1
        corr_id = str(number)
        connection.send(json.dumps({"corrId": corr_id, "cmd": text}))
        while True:
            answer: str = connection.recv()
            if json.loads(answer).get("corrId") == corr_id:
                return answer

    return call


async def open_wrapper(name: str, port: int) -> tuple[Any, Callable[[str], Awaitable[Any]]]:
    """Return an async wrapper's client, and its function that sends a command string and returns the answer."""
    if name == "simplex-chat-py":
        client = importlib.import_module("simplex_chat.client").SimplexClient("127.0.0.1", port)
        await client.connect()
        return client, client.send_cmd
    client = await importlib.import_module("dexgram.client").DexgramClient.create(f"ws://127.0.0.1:{port}")
    return client, client.send_command


def take_part(call: Callable[[str, int], list[float]]) -> None:
    """Answer the lines on standard input."""
    print("ready", flush=True)
    for line in sys.stdin:
        count, _, text = line.rstrip("\n").partition(" ")
        print(json.dumps(call(text, int(count))), flush=True)


def main(name: str, port: int) -> None:
    """Take part as the contestant of a name."""
    if name == "bare":
        call = open_bare(port)

        def timed(text: str, count: int) -> list[float]:
            if text.startswith("parse "):
                answer = call(text.removeprefix("parse "))
                return [_seconds(json.loads, answer) for _ in range(count)]
            return [_seconds(call, text) for _ in range(count)]

        take_part(timed)
        return
    loop = asyncio.new_event_loop()
    client, wrapper = loop.run_until_complete(open_wrapper(name, port))

    async def calls(text: str, count: int) -> list[float]:
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            await wrapper(text)
            times.append(time.perf_counter() - begin)
        return times

    take_part(lambda text, count: loop.run_until_complete(calls(text, count)))
    loop.run_until_complete(client.disconnect())
    loop.close()


def _seconds(call: Callable[[str], Any], text: str) -> float:
    begin = time.perf_counter()
    call(text)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
