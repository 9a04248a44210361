"""Made-up data for the notebooks: an export, as export_everything.py writes it, of a group in which people talk.

The people meet on the simulator, so the records are what a CLI gives. Then one message of each is multiplied into some
weeks of talk.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from simplex_sync import Message, SimplexChat, events, types

PEOPLE = ("bob", "carol", "dave")
#: How often each of them writes, and the hour around which he does.
HABITS = {"alice": (5, 9), "bob": (3, 13), "carol": (2, 20), "dave": (1, 22)}
WORDS = ("the plan", "is good", "but who", "brings water", "and bread", "when we meet", "at six", "near the bridge")


@contextmanager
def _network(folder: Path) -> Iterator[None]:
    """Let the simulators of this process find each other in a folder of their own."""
    before = os.environ.get("SIMPLEX_SIM_NETWORK")
    os.environ["SIMPLEX_SIM_NETWORK"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SIMPLEX_SIM_NETWORK"]
        else:
            os.environ["SIMPLEX_SIM_NETWORK"] = before


def _meet(folder: Path) -> None:
    """Let Alice and the others meet in the group `team`, and write a message each."""
    with ExitStack() as stack:
        stack.enter_context(_network(folder / "network"))

        def start(name: str) -> SimplexChat:
            chat = SimplexChat(folder / name / "chat", display_name=name, executable="simulator")
            return stack.enter_context(chat)

        alice = start("alice")
        group = alice.create_group("team")
        received: Iterator[Message] = alice.messages(timeout=30)
        for name in PEOPLE:
            other = start(name)
            invitation = alice.invite()
            other.connect_to(invitation.link)
            contact = invitation.wait_connected()
            with alice.expect(events.JoinedGroupMember, timeout=30):
                alice.api_add_member(group.group_id, contact.contact_id, member_role=types.GroupMemberRole.MEMBER)
                next(other.group_invitations(timeout=30)).accept()
            other.send("#team", f"hello, I am {name}")
            next(received)
        alice.send("#team", "welcome").wait_sent(30)


def make(folder: Path, *, days: int = 45, messages: int = 600, seed: int = 1) -> Path:
    """Make an export, and return its folder.

    Args:
        folder: Where everything goes.
        days: For how long they talk, up to now.
        messages: How many messages there are.
        seed: The same number gives the same talk.
    """
    _meet(folder)
    export = folder / "export"
    script = Path(__file__).with_name("export_everything.py")
    line = [sys.executable, str(script), "--database", str(folder / "alice" / "chat"), "--executable", "simulator"]
    subprocess.run([*line, str(export)], check=True, capture_output=True)
    [path] = export.glob("profile-*/chats/group-*.jsonl")
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    templates = {
        _writer(record): record for record in records if record["content"]["type"] in ("sndMsgContent", "rcvMsgContent")
    }
    dice = random.Random(seed)
    moments = sorted(_moments(dice, days, messages))
    free = 1_000_000  # above the numbers of all other items
    for number, (when, name) in enumerate(moments, free):
        text = " ".join(dice.choices(WORDS, k=dice.randint(2, 12)))
        records.append(_again(templates[name], number, when, text))
    _write(export, path, records)
    return export


def _write(export: Path, path: Path, records: list[dict[str, Any]]) -> None:
    """Write the items of a chat, and what the manifest says of them."""
    content = "".join(json.dumps(record) + "\n" for record in records).encode("ascii")
    path.write_bytes(content)
    manifest = json.loads((export / "manifest.json").read_text("utf-8"))
    about = manifest["files"][path.relative_to(export).as_posix()]
    manifest["counts"]["items"] += len(records) - about["records"]
    about.update(records=len(records), bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (export / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")


def _writer(record: dict[str, Any]) -> str:
    return str(record["chatDir"].get("groupMember", {}).get("localDisplayName", "alice"))


def _moments(dice: random.Random, days: int, messages: int) -> Iterator[tuple[datetime, str]]:
    now = datetime.now(timezone.utc)
    weights = [often for often, _ in HABITS.values()]
    for name in dice.choices(list(HABITS), weights, k=messages):
        day = (now - timedelta(days=1 + days * dice.random() ** 1.5)).replace(minute=0, second=0, microsecond=0)
        minutes = dice.gauss(0, 150)
        yield day.replace(hour=HABITS[name][1]) + timedelta(minutes=minutes), name


def _again(template: dict[str, Any], number: int, when: datetime, text: str) -> dict[str, Any]:
    """Return a message like another one, with a number, a time and a text of its own."""
    stamp = when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    content = {**template["content"], "msgContent": {"type": "text", "text": text}}
    meta = {**template["meta"], "itemId": number, "itemTs": stamp, "createdAt": stamp, "itemText": text}
    meta.pop("itemSharedMsgId", None)
    return {**template, "meta": meta, "content": content}
