"""A recording, made into what a replay needs: clients, steps in the recorded order, and starts and ends between them.

A recording is a file of JSON lines: ``{"meta": …}`` first, then one frame a line with its time, client and direction.
What a recording does not say outright is inferred here, from rules that hold for any names and contents:

* a client whose first user record says ``peerType: bot`` was started with ``--create-bot-display-name``; any other
  typed its name at the prompt;
* the events of a start (``contactSubSummary``) seen again mean that the process was ended and started again;
* the terminal's output (``CLIENT.stdout`` beside the recording) says how often a client connected; a connection more
  than the frames explain lies in the longest silence of that process;
* ``contactsDisconnected`` means that the servers went down just before, ``contactsSubscribed`` that they came back.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = Any
START_EVENT = "contactSubSummary"
SERVER_ADDRESS = re.compile(r"smp://[\w=-]+@[\w.:-]+")


@dataclass
class Step:
    """One thing to do or to expect, in the recorded order.

    ``action`` is ``send`` or ``receive`` (with the frame), ``start``, ``kill``, ``connect``, ``disconnect`` (of one
    client), ``servers_down`` or ``servers_up`` (``client`` is empty).
    """

    action: str
    client: str = ""
    frame: dict[str, Json] = field(default_factory=dict)


@dataclass
class Client:
    """How a client of a recording was started."""

    name: str
    display_name: str
    bot: bool
    allow_files: bool
    stdout: str | None


@dataclass
class Scenario:
    """A whole recording."""

    name: str
    clients: dict[str, Client]
    steps: list[Step]
    server: str | None
    version: str = ""


def tag_of(frame: dict[str, Json]) -> str:
    """The ``type`` of the response or event in a received frame."""
    response = frame.get("resp")
    return str(response.get("type", "")) if isinstance(response, dict) else ""


def load(path: Path) -> Scenario:
    """Read a recording and the terminals' outputs beside it."""
    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    name = next((line["meta"].get("scenario") for line in lines if "meta" in line), None) or path.stem
    records = [line for line in lines if "frame" in line]
    clients: dict[str, Client] = {}
    for client_name in dict.fromkeys(str(record["client"]) for record in records):
        stdout = path.with_name(f"{path.stem}-{client_name}.stdout")
        printed = stdout.read_text(encoding="utf-8", errors="replace") if stdout.exists() else None
        clients[client_name] = _client(client_name, records, printed)
    server = SERVER_ADDRESS.search(text)
    version = next((re.search(r"\d+(\.\d+)+", line["meta"].get("cli", "")) for line in lines if "meta" in line), None)
    return Scenario(
        name,
        clients,
        _steps(records, clients),
        server.group() if server else None,
        version.group() if version else "",
    )


def _client(name: str, records: list[Json], stdout: str | None) -> Client:
    user: Json = {}
    for record in records:
        response = record["frame"].get("resp")
        if record["client"] == name and isinstance(response, dict) and isinstance(response.get("user"), dict):
            user = response["user"]
            break
    profile = user.get("profile", {})
    files = user.get("fullPreferences", {}).get("files", {}).get("allow")
    display_name = str(profile.get("displayName") or user.get("localDisplayName") or name)
    return Client(name, display_name, profile.get("peerType") == "bot", files != "no", stdout)


def _steps(records: list[Json], clients: dict[str, Client]) -> list[Step]:
    before: dict[int, list[Step]] = {}
    after: dict[int, list[Step]] = {}
    for name, client in clients.items():
        own = [index for index, record in enumerate(records) if record["client"] == name]
        for position, kind in _breaks(own, records, client).items():
            last, first = own[position - 1], own[position]
            ends, begins = ("kill", "start") if kind == "process" else ("disconnect", "connect")
            after.setdefault(last, []).append(Step(ends, name))
            before.setdefault(first, []).append(Step(begins, name))
            if kind == "process":
                before[first].append(Step("connect", name))
        before.setdefault(own[0], []).append(Step("connect", name))
    steps: list[Step] = []
    servers_up = True
    for index, record in enumerate(records):
        steps += before.get(index, [])
        if record["dir"] == "recv":
            tag = tag_of(record["frame"])
            if tag == "contactsDisconnected" and servers_up:
                steps.append(Step("servers_down"))
                servers_up = False
            elif tag == "contactsSubscribed" and not servers_up:
                steps.append(Step("servers_up"))
                servers_up = True
        steps.append(Step("send" if record["dir"] == "send" else "receive", record["client"], record["frame"]))
        steps += after.get(index, [])
    return steps


def _breaks(own: list[int], records: list[Json], client: Client) -> dict[int, str]:
    """Positions among the client's own frames where a new process or a new connection begins."""
    breaks: dict[int, str] = {}
    started_since_break = False
    for position, index in enumerate(own):
        record = records[index]
        if record["dir"] == "recv" and tag_of(record["frame"]) == START_EVENT and "corrId" not in record["frame"]:
            if started_since_break:
                breaks[_begin_of_burst(position, own, records)] = "process"
            started_since_break = True
    for process, connections in enumerate(_connections_by_process(client.stdout)):
        edges = [0, *sorted(position for position, kind in breaks.items() if kind == "process"), len(own)]
        if process + 1 >= len(edges):
            break
        inside = range(edges[process] + 1, edges[process + 1])
        silences = sorted(inside, key=lambda position: records[own[position - 1]]["t"] - records[own[position]]["t"])
        for position in silences[: max(connections - 1, 0)]:
            breaks.setdefault(position, "connection")
    return breaks


def _begin_of_burst(position: int, own: list[int], records: list[Json]) -> int:
    """A command may be written at the same moment as the first event is read: both belong to the new process."""
    while position > 1 and records[own[position]]["t"] - records[own[position - 1]]["t"] < 0.01:
        position -= 1
    return position


def _connections_by_process(stdout: str | None) -> list[int]:
    counts: list[int] = []
    for line in (stdout or "").splitlines():
        if line.startswith("Current user:"):
            counts.append(0)
        elif line.strip() == "client connected" and counts:
            counts[-1] += 1
    return counts
