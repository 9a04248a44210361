"""Replays a recording against CLIs and notes what differs.

Every command is sent when all that was recorded before it has come (so the replay never waits for a recorded pause, and
never runs ahead of what the recorded client had seen), with ids and links mapped. Answers are found by their corrId;
events by their place in their stream (see ``parity_streams``).
"""

from __future__ import annotations

import difflib
import json
import re
import signal
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.contract import parity_servers
from tests.contract.parity_cli import Cli, Pool
from tests.contract.parity_mapping import Links, Mapping
from tests.contract.parity_scenario import Client, Scenario, Step, tag_of
from tests.contract.parity_shapes import differences
from tests.contract.parity_streams import Names, Stream, Unit, is_repeated, units

Json = Any
PATIENCE = 10.0  # seconds for what must come; after a first disappointment the rest of the scenario gets less
AFTER_DISAPPOINTMENT = 0.5
DISPLAY_NAME = re.compile(r'"displayName": ?"((?:[^"\\]|\\.)*)"')
OPTIONAL_ANSWERS = {"chatStopped"}  # the process ends, perhaps before it has answered
QUIET = 0.25  # seconds without a frame at the end, so that surplus events are seen


class Side:
    """What one client has received so far, and what the recording says it should have."""

    def __init__(self, cli: Cli, mapping: Mapping, names: Names) -> None:
        self.cli = cli
        self.mapping = mapping
        self._names = names
        self._read = 0
        self.answers: dict[str, list[dict[str, Json]]] = defaultdict(list)
        self.expected_answers: dict[str, list[tuple[str, dict[str, Json]]]] = defaultdict(list)
        self.events: dict[Stream, list[Unit]] = defaultdict(list)
        self.expected: dict[Stream, list[Unit]] = defaultdict(list)
        self._learnt: set[tuple[str, int]] = set()

    def sort_frames(self) -> None:
        """Put new frames where they belong: answers by corrId, events into their streams."""
        for frame in self.cli.frames[self._read :]:
            if "corrId" in frame:
                self.answers[frame["corrId"]].append(frame)
            else:
                self._add(self.events, frame)
        if self._read < len(self.cli.frames):
            self._read = len(self.cli.frames)
            self._learn()

    def expect(self, frame: dict[str, Json], command: str) -> None:
        if "corrId" in frame:
            self.expected_answers[frame["corrId"]].append((command, frame))
        else:
            self._add(self.expected, frame)
        self._learn()

    def _add(self, streams: dict[Stream, list[Unit]], frame: dict[str, Json]) -> None:
        for unit in units(frame, self._names):
            stream = streams[unit.stream]
            unit.optional = unit.optional or is_repeated(unit, stream)
            stream.append(unit)

    def _learn(self) -> None:
        """Ids must be known before the next command, so answers and streams are read side by side as they grow."""
        for corr_id, answers in self.expected_answers.items():
            for (_, recorded), simulated in zip(answers, self.answers.get(corr_id, ()), strict=False):
                if (corr_id, id(recorded)) not in self._learnt:
                    self._learnt.add((corr_id, id(recorded)))
                    self.mapping.learn(recorded, simulated)
        for stream, expected in self.expected.items():
            for old, new in zip(required(expected), required(self.events.get(stream, ())), strict=False):
                if old.signature == new.signature and not old.learnt:
                    self.mapping.learn(old.frame, new.frame)
                    old.learnt = True

    def complete(self) -> bool:
        """Whether everything expected so far has come."""
        self.sort_frames()
        for corr_id, found in self.expected_answers.items():
            due = [frame for _, frame in found if tag_of(frame) not in OPTIONAL_ANSWERS]
            if len(self.answers[corr_id]) < len(due):
                return False
        return all(
            len(required(self.events.get(stream, ()))) >= len(required(expected))
            for stream, expected in self.expected.items()
        )


def required(found: Iterable[Unit]) -> list[Unit]:
    """The units that must come just so."""
    return [unit for unit in found if not unit.optional]


class Replay:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.found: Counter[str] = Counter()
        self.sides: dict[str, Side] = {}
        self._pool = Pool()
        self._patience = PATIENCE
        links = Links()
        names = Names(_chosen_names(scenario))
        self._network = folder / "network"
        self._network.mkdir(parents=True)
        for client in scenario.clients.values():
            home = folder / client.name
            cli = Cli(client.name, home, self._options(client), self._environment())
            self._pool.clients[client.name] = cli
            self.sides[client.name] = Side(cli, Mapping(links, home / "root"), names)
            for path, size in _files_to_send(scenario, client.name):
                target = cli.files / path if not path.startswith("/") else home / "root" / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(_content(path, size))
            for command in _commands(scenario, client.name):
                for explicit in re.findall(r"(?<= )/[^ _/][^/]*/.*$", command if command.startswith("/f") else ""):
                    (home / "root" / explicit.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)

    def _environment(self) -> dict[str, str]:
        version = "7.0" if self.scenario.version.startswith("7.") else "6.4"
        return {"SIMPLEX_SIM_NETWORK": str(self._network), "SIMPLEX_SIM_CLI_VERSION": version}

    def _options(self, client: Client) -> list[str]:
        options = []
        if client.bot:
            options = ["--create-bot-display-name", client.display_name]
            options += ["--create-bot-allow-files"] if client.allow_files else []
        return options + parity_servers.options(self.scenario.server)

    def run(self) -> Counter[str]:
        """Replay everything; returns the differences and how often each was seen."""
        try:
            for client in self.scenario.clients.values():
                self.sides[client.name].cli.spawn(None if client.bot else client.display_name)
            commands: dict[tuple[str, str], str] = {}
            for step in self.scenario.steps:
                if step.action == "receive":
                    command = commands.get((step.client, str(step.frame.get("corrId"))), "")
                    self.sides[step.client].expect(step.frame, command)
                else:
                    self._await_expected(step)
                    self._do(step, commands)
            self._await_expected(None)
            self._pool.drain(QUIET, 2.0)
            self.compare()
            self._compare_terminals()
            self._compare_files()
        finally:
            self._pool.close()
        return self.found

    def _await_expected(self, step: Step | None) -> None:
        sides = list(self.sides.values())
        if not self._pool.wait(lambda: all(side.complete() for side in sides), self._patience):
            self._patience = AFTER_DISAPPOINTMENT

    def _do(self, step: Step, commands: dict[tuple[str, str], str]) -> None:
        if step.action in ("servers_down", "servers_up"):
            parity_servers.switch(self._network, reachable=step.action == "servers_up")
            return
        side = self.sides[step.client]
        if step.action == "start":
            side.cli.spawn()
        elif step.action == "connect":
            self._pool.connect(side.cli)
        elif step.action == "disconnect":
            side.cli.close_socket()
        elif step.action == "kill":
            side.cli.end(signal.SIGKILL)
        else:
            frame = dict(step.frame)
            commands[(step.client, str(frame.get("corrId")))] = str(frame.get("cmd", ""))
            if isinstance(frame.get("cmd"), str):
                frame["cmd"] = side.mapping.command(frame["cmd"])
            side.cli.send_text(frame["raw"] if set(frame) == {"raw"} else json.dumps(frame))

    def _note(self, text: str) -> None:
        self.found[text] += 1

    def compare(self) -> Counter[str]:
        """Compare what came with what was recorded."""
        for side in self.sides.values():
            side.sort_frames()
            for corr_id, expected in side.expected_answers.items():
                self._compare_answers(expected, side.answers[corr_id])
            for corr_id in side.answers.keys() - side.expected_answers.keys():
                self._note(f"answer {tag_of(side.answers[corr_id][0])}: surplus")
            for stream in side.expected.keys() | side.events.keys():
                self._compare_stream(side, stream)
        return self.found

    def _compare_answers(self, expected: list[tuple[str, Json]], answers: list[Json]) -> None:
        for position, (command, recorded) in enumerate(expected):
            word = _word(command)
            if position >= len(answers) and tag_of(recorded) in OPTIONAL_ANSWERS:
                continue
            if position >= len(answers):
                self._note(f"answer {tag_of(recorded)} to {word}: missing")
            elif tag_of(recorded) != tag_of(answers[position]):
                self._note(f"answer to {word}: {tag_of(recorded)} became {tag_of(answers[position])}")
            else:
                for line in differences(recorded, answers[position]):
                    self._note(f"answer {tag_of(recorded)} to {word}: {line}")

    def _compare_stream(self, side: Side, stream: Stream) -> None:
        self._compare_optional(side, stream)
        old, new = required(side.expected.get(stream, ())), required(side.events.get(stream, ()))
        matcher = difflib.SequenceMatcher(
            None, [unit.signature for unit in old], [unit.signature for unit in new], autojunk=False
        )
        for change, old_from, old_to, new_from, new_to in matcher.get_opcodes():
            if change == "equal":
                for recorded, simulated in zip(old[old_from:old_to], new[new_from:new_to], strict=True):
                    self._compare_units(side, recorded, simulated)
                continue
            for unit in old[old_from:old_to]:
                self._note(f"event {' '.join(unit.signature)} in {stream[0]}: missing")
            for unit in new[new_from:new_to]:
                self._note(f"event {' '.join(unit.signature)} in {stream[0]}: surplus")

    def _compare_optional(self, side: Side, stream: Stream) -> None:
        """What comes more or less often must have come at all, and have the right shape."""
        came = {unit.signature: unit for unit in side.events.get(stream, ())}
        optional = {unit.signature: unit for unit in side.expected.get(stream, ()) if unit.optional}
        for signature, recorded in optional.items():
            if signature not in came:
                self._note(f"event {' '.join(signature)} in {stream[0]}: missing")
            else:
                for line in differences(recorded.frame, came[signature].frame):
                    self._note(f"event {signature[0]}: {line}")

    def _compare_units(self, side: Side, recorded: Unit, simulated: Unit) -> None:
        if recorded.item_id is not None and side.mapping.id("itemId", recorded.item_id) != simulated.item_id:
            self._note(f"event {' '.join(recorded.signature)}: of another item")
        for line in differences(recorded.frame, simulated.frame):
            self._note(f"event {recorded.signature[0]}: {line}")

    def _compare_terminals(self) -> None:
        for name, client in self.scenario.clients.items():
            if client.stdout is None:
                continue
            recorded = Counter(_terminal_lines(client.stdout))
            simulated = Counter(_terminal_lines(self.sides[name].cli.output.decode(errors="replace")))
            for line in recorded - simulated:
                self._note(f"terminal: lacks {line[:60]}")
            for line in simulated - recorded:
                self._note(f"terminal: adds {line[:60]}")

    def _compare_files(self) -> None:
        """What was received is what was sent, wherever the recording says that a file was completed unencrypted."""
        for side in self.sides.values():
            for stream, found in side.events.items():
                for unit in found if stream[0] == "receiving" else []:
                    file = unit.frame["resp"].get("chatItem", {}).get("chatItem", {}).get("file", {})
                    if unit.signature[0] == "rcvFileComplete" and "cryptoArgs" not in file.get("fileSource", {}):
                        path = side.cli.files / file["fileSource"]["filePath"]
                        if not path.exists() or path.read_bytes() != _content(file["fileName"], file["fileSize"]):
                            self._note("file: received content differs from what was sent")


def _word(command: str) -> str:
    """The words that say which command it is."""
    match = re.match(r"\s*(/\D*?(?: [a-z]+)?)(?=[\s\d@#:*{[]|$)", command)
    return match.group(1) if match else "?"


def _content(path: str, size: int) -> bytes:
    """Some bytes that depend on name and size only."""
    seed = f"{Path(path).name} {size} ".encode()
    return (seed * (size // len(seed) + 1))[:size]


def _commands(scenario: Scenario, client: str) -> list[str]:
    sent = [step for step in scenario.steps if step.action == "send" and step.client == client]
    return [str(step.frame.get("cmd", "")) for step in sent]


def _files_to_send(scenario: Scenario, client: str) -> Iterator[tuple[str, int]]:
    """Paths (as recorded) and sizes of the files that a client sent with success."""
    for step in scenario.steps:
        response = step.frame.get("resp")
        if step.client == client and isinstance(response, dict) and response.get("type") == "newChatItems":
            for item in response["chatItems"]:
                file = item["chatItem"].get("file")
                if file and "Snd" in item["chatItem"]["chatDir"]["type"] and "fileSource" in file:
                    yield file["fileSource"]["filePath"], file["fileSize"]


def _chosen_names(scenario: Scenario) -> set[str]:
    """Names that people chose: those of the clients, and those in commands."""
    names = {client.display_name for client in scenario.clients.values()}
    for client in scenario.clients:
        for command in _commands(scenario, client):
            names.update(json.loads(f'"{name}"') for name in DISPLAY_NAME.findall(command))
    return names


def _terminal_lines(text: str) -> list[str]:
    """Lines that say what the process did; commands as bare words, since links and ids differ."""
    lines = []
    for line in text.replace("\r", "").split("\n"):
        line = line.strip()
        if line.startswith("received command"):
            line = re.sub(r'(: "\s*/\S*).*', r"\1", line)
        elif re.match(r"(No user profiles|Please choose|It will be|It is only|client connected|simplex-chat:)", line):
            pass
        elif line.startswith(("display name", "Current user")):
            line = " ".join(line.split(":")[0].split()[:2])
        else:
            continue
        lines.append(line)
    return lines
