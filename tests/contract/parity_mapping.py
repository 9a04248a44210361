"""What a recorded id, link or path is in the replay: learnt by reading answers and events side by side.

Wherever a recorded frame has an id (or a link) and the simulated frame of the same place has another at the same path,
the two stand for the same thing. Ids belong to a client's database, links to everybody.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

Json = Any
IDS = {"contactId", "groupId", "groupMemberId", "itemId", "fileId", "contactRequestId", "pccConnId"}
LINK = re.compile(r"(simplex:/|https://[^/\s]+/)(invitation|contact|i|a|g|c)[#/]")
NUMBERS = re.compile(r"\d+")
# Where ids stand in commands, beside the chat references @4 #1 :1.
PLACES = [
    ("itemId", re.compile(r"^/_(?:update item|delete item|delete member item|reaction) \S+ ([\d,]+)")),
    ("contactRequestId", re.compile(r"^/_(?:accept|reject)(?: incognito=(?:on|off))? ([\d]+)")),
    ("contactId", re.compile(r"^/_add \S+ (\d+)")),
    (
        "groupMemberId",
        re.compile(r"^/_(?:accept member|member role|block|remove|info|get code|create member contact) #\d+ ([\d,]+)"),
    ),
    ("fileId", re.compile(r"^/(?:freceive|fcancel|fstatus) (\d+)")),
    ("itemId", re.compile(r"^/_get (?:chat \S+|items) (?:after|before|around)=(\d+)")),
]
CHAT_REFERENCES = [
    ("contactId", re.compile(r"^/_?[a-z0-9 ]+ @(\d+)")),
    ("groupMemberId", re.compile(r"^/_?[a-z0-9 ]+ #\d+\(_support:(\d+)")),
    ("groupId", re.compile(r"^/_?[a-z0-9 ]+ #(\d+)")),
    ("pccConnId", re.compile(r"^/_?[a-z0-9 ]+ :(\d+)")),
]


class Links:
    """Recorded link → link of this run, for all clients together."""

    def __init__(self) -> None:
        self._links: dict[str, str] = {}

    def learn(self, recorded: str, simulated: str) -> None:
        if LINK.match(recorded) and recorded not in self._links:
            self._links[recorded] = simulated

    def apply(self, text: str) -> str:
        for link in sorted(self._links, key=len, reverse=True):
            text = text.replace(link, self._links[link])
        return text


class Mapping:
    """The ids of one client, the links of all, and the folder that stands for the root of recorded absolute paths."""

    def __init__(self, links: Links, root: Path) -> None:
        self._links = links
        self._root = root
        self._ids: dict[str, dict[int, int]] = {kind: {} for kind in IDS}

    def learn(self, recorded: Json, simulated: Json) -> None:
        """Read two frames of the same place side by side."""
        if isinstance(recorded, dict) and isinstance(simulated, dict):
            for key in recorded.keys() & simulated.keys():
                old, new = recorded[key], simulated[key]
                if key in IDS and isinstance(old, int) and isinstance(new, int):
                    self._ids[key].setdefault(old, new)
                else:
                    self.learn(old, new)
        elif isinstance(recorded, list) and isinstance(simulated, list):
            for old, new in zip(recorded, simulated, strict=False):
                self.learn(old, new)
        elif isinstance(recorded, str) and isinstance(simulated, str):
            self._links.learn(recorded, simulated)

    def id(self, kind: str, recorded: int) -> int:
        """The id of this run, or the recorded one when it was never seen (ids that do not exist)."""
        return self._ids[kind].get(recorded, recorded)

    def command(self, command: str) -> str:
        """The command of this run for a recorded one."""
        head, argument = split_json(self._links.apply(command))
        places = [(kind, match) for kind, place in PLACES + CHAT_REFERENCES if (match := place.search(head))]
        for kind, match in sorted(places, key=lambda place: -place[1].start(1)):
            begin, end = match.span(1)
            head = head[:begin] + self._numbers(kind, match.group(1)) + head[end:]
        head = re.sub(r"(?<= )/(?=[^ _/][^/]*/.)", lambda _: f"{self._root}/", head) if head.startswith("/f") else head
        if argument is None:
            return head
        mapped = self._json(argument[1], "")
        return head + (argument[0] if mapped == argument[1] else json.dumps(mapped))

    def _numbers(self, kind: str, text: str) -> str:
        return NUMBERS.sub(lambda number: str(self.id(kind, int(number.group()))), text)

    def _json(self, value: Json, key: str) -> Json:
        if isinstance(value, dict):
            return {name: self._json(inner, "mention" if key == "mentions" else name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._json(inner, key) for inner in value]
        kind = {"quotedItemId": "itemId", "mention": "groupMemberId"}.get(key, key)
        if kind in IDS and isinstance(value, int):
            return self.id(kind, value)
        if key == "filePath" and isinstance(value, str) and value.startswith("/"):
            return f"{self._root}{value}"
        return value


def split_json(command: str) -> tuple[str, tuple[str, Json] | None]:
    """A command up to its JSON argument, and that argument as text and value, if it has one."""
    for match in re.finditer(r"(?<= )[\[{]", command):
        try:
            return command[: match.start()], (command[match.start() :], json.loads(command[match.start() :]))
        except ValueError:
            continue
    return command, None
