"""Copies of recordings in which people, groups, files and texts have other names.

What a simulator answers must not depend on them; the replay of a copy shows that it does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.contract.parity_mapping import split_json

Json = Any
NAME_KEYS = {"displayName", "fullName", "localDisplayName"}
GREETING = "Übrigens: "
LONG = 1000  # characters; longer texts are about length and stay
_OTHER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "äzyxwvutsrqpönmlkjihgfedcb")
_PLAIN = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")


def rename(path: Path, folder: Path) -> Path:
    """Write a renamed copy of a recording, and of the terminals' outputs beside it, and return its path."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    names = {name: name.translate(_OTHER) for line in lines for name in _names(line)}
    names |= {name: _other_file(name) for line in lines for name in _files(line)}
    pattern = re.compile(
        "(?<![A-Za-z0-9])(" + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + ")(?![A-Za-z0-9])"
    )

    def other(value: Json) -> Json:
        if isinstance(value, str):
            return pattern.sub(lambda found: names[found.group(1)], value)
        if isinstance(value, list):
            return [other(inner) for inner in value]
        if isinstance(value, dict):
            return {other(key): other(inner) for key, inner in value.items()}
        return value

    target = folder / path.name
    with target.open("w", encoding="utf-8") as file:
        for line in lines:
            if "frame" in line:
                line = {**line, "client": other(line["client"]), "frame": _renamed_frame(line["frame"], other)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    for stdout in path.parent.glob(f"{path.stem}-*.stdout"):
        client = stdout.stem.partition("-")[2]
        text = pattern.sub(lambda found: names[found.group(1)], stdout.read_text(encoding="utf-8"))
        (folder / f"{path.stem}-{other(client)}.stdout").write_text(text, encoding="utf-8")
    return target


def _renamed_frame(frame: Json, other: Any) -> Json:
    if isinstance(frame.get("resp"), dict):
        # Tags and other words of the CLI are no names, whatever people are called.
        return {**frame, "resp": other(_with_texts(frame["resp"]))}
    command = frame.get("cmd")
    if not isinstance(command, str):
        return frame
    head, argument = split_json(command)
    if argument is None:
        return {**frame, "cmd": other(command)}
    return {**frame, "cmd": other(head) + json.dumps(other(_with_texts(argument[1])), ensure_ascii=False)}


def _with_texts(value: Json) -> Json:
    """The value with other message texts."""
    if isinstance(value, list):
        return [_with_texts(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _with_texts(inner) for key, inner in value.items()}
    content = changed.get("msgContent")
    if isinstance(content, dict) and content.get("text") and len(content["text"]) < LONG:
        changed["msgContent"] = {**content, "text": GREETING + content["text"]}
    return changed


def _walk(value: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _walk(inner)
            if key == "cmd" and isinstance(inner, str):
                yield from _walk((split_json(inner)[1] or ("", None))[1])
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def _names(line: Json) -> Iterator[str]:
    for key, value in _walk(line):
        if key in NAME_KEYS and isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9 ]+", value):
            yield value


def _files(line: Json) -> Iterator[str]:
    for key, value in _walk(line):
        if key == "fileName" and isinstance(value, str) and value.isascii():
            yield value


def _other_file(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem.translate(_PLAIN)}.{suffix}"
