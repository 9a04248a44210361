"""Everything that a real CLI sent decodes into records, and becomes the very same JSON again."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simplex_sync._internal.wire import Record, Unknown
from simplex_sync.api import events, responses, types
from tests.contract import recordings
from tests.contract.record_walk import decode, fits, hints, known_tags, records, schema_files
from tests.contract.recordings import Received

TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")

own_only = pytest.mark.skipif(not recordings.ARE_OWN, reason="says something of the project's own recordings only")


def text(wire: Any) -> str:
    """JSON in one form: unlike `==`, it tells 1 from true and 1.0."""
    return json.dumps(wire, sort_keys=True)


def everything() -> list[tuple[Received, Record]]:
    return [(frame, decode(frame.wire, frame.is_response)) for frame in recordings.everything()]


@pytest.mark.parametrize("path", recordings.paths(), ids=lambda path: path.stem)
def test_every_frame_makes_the_same_json_again(path: Path) -> None:
    frames = recordings.received(path)
    assert frames
    for frame in frames:
        record = decode(frame.wire, frame.is_response)
        assert text(record.to_dict()) == text(frame.wire), frame.tag
        assert type(record).from_json(record.to_json()) == record


def test_nothing_is_unknown_that_the_schema_knows() -> None:
    for _, record in everything():
        for inner in records(record):
            if isinstance(inner, Unknown):
                assert inner.tag not in known_tags(type(inner).__name__), type(inner).__name__


def test_nothing_is_left_in_extra_that_the_schema_knows() -> None:
    for _, record in everything():
        for inner in records(record):
            if not isinstance(inner, Unknown):
                assert not set(inner.extra) & set(inner._wire), type(inner).__name__


@own_only
def test_the_schema_knows_all_that_was_recorded() -> None:
    unknown: Counter[str] = Counter()
    for _, record in everything():
        for inner in records(record):
            assert not inner.extra, type(inner).__name__
            if isinstance(inner, Unknown):
                unknown[f"{type(inner).__name__} {inner.tag}"] += 1
    # The first is a documented tag that has no class of its own; the second was sent as a message of an unknown type.
    assert set(unknown) == {"InvitedByUnknown unknown", "MsgContentUnknown somethingNew"}


@own_only
def test_all_values_are_of_the_annotated_types() -> None:
    seen: set[str] = set()
    for _, record in everything():
        for inner in records(record):
            if isinstance(inner, Unknown | types.ConnStatus):
                continue
            kinds = hints(type(inner))
            for name in inner._fields:
                seen.add(type(inner).__name__)
                assert fits(getattr(inner, name), kinds[name]), f"{type(inner).__name__}.{name}"
    assert len(seen) > 100


@own_only
def test_every_tag_of_the_recordings_is_in_the_schema() -> None:
    documented, measured = schema_files()
    for frame in recordings.everything():
        section = "responses" if frame.is_response else "events"
        assert frame.tag in documented[section] or frame.tag in measured[section]


def secrets(wire: Any, names: set[str], key: str = "") -> set[str]:
    """The strings of a frame that no repr may show: all but tags, values of enums, times, numbers and names."""
    if isinstance(wire, dict):
        return {secret for name, value in wire.items() for secret in secrets(value, names, name)}
    if isinstance(wire, list):
        return {secret for value in wire for secret in secrets(value, names, key)}
    if not isinstance(wire, str) or len(wire) < 4 or wire in names or key in ("type", "agentUserId"):
        return set()
    return set() if TIME.match(wire) else {wire}


def display_names(wire: Any) -> set[str]:
    if isinstance(wire, dict):
        own = {value for key, value in wire.items() if key in ("displayName", "localDisplayName")}
        return own.union(*(display_names(value) for value in wire.values()))
    return set().union(*(display_names(value) for value in wire)) if isinstance(wire, list) and wire else set()


def words_of_the_schema() -> set[str]:
    """Values of enums and tags: a text that is one of them tells nothing when a repr shows it."""
    values = {"snd-ready"}
    for schema in schema_files():
        for definition in schema["types"].values():
            values |= {variant["tag"] for variant in definition.get("variants", [])}
            for value in definition.get("values", []):
                values.add(value if isinstance(value, str) else value["value"])
    return values | set(schema_files()[0]["types"]["ConnStatus"]["kind_6.4.5"]["values"])


def shows(value: str, secret: str) -> bool:
    """Whether a value in a repr holds a secret; short ones may be part of a name by chance."""
    return secret in value if len(secret) > 12 else secret == value


def test_no_repr_shows_texts_links_keys_or_names_of_files() -> None:
    allowed = words_of_the_schema()
    checked = 0
    for frame, record in everything():
        hidden = secrets(frame.wire, allowed | display_names(frame.wire))
        for inner in records(record):
            shown = repr(inner)
            assert len(shown) <= 120
            assert "\n" not in shown
            # Names of fields and classes may be common words that were sent as texts as well.
            values = [part.partition("=")[2].strip("')") for part in shown.partition("(")[2].split(", ")]
            values = [value for value in values if not TIME.match(value)]
            leaked = [secret for secret in hidden if any(shows(value, secret) for value in values)]
            assert not leaked, f"{type(inner).__name__} shows a string of {len(leaked[0])} characters"
            checked += 1
    assert checked > 1000


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(wire: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all values inside a JSON value."""
    if isinstance(wire, dict):
        return [path, *(place for key, value in wire.items() for place in places(value, (*path, key)))]
    if isinstance(wire, list):
        return [path, *(place for index, value in enumerate(wire[:3]) for place in places(value, (*path, index)))]
    return [path]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_any_change_of_a_frame_still_decodes_and_comes_back(data: st.DataObject) -> None:
    frame = data.draw(st.sampled_from(SHORT))
    wire = json.loads(json.dumps(frame.wire))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(wire)))
        target = wire
        for step in path[:-1]:
            target = target[step]
        action = data.draw(st.sampled_from(["replace", "delete", "add"]))
        inside = target[path[-1]] if path else wire
        if action == "add" and isinstance(inside, dict):
            inside[data.draw(st.text(max_size=8))] = data.draw(ODD)
        elif action == "delete" and path and isinstance(target, dict):
            del target[path[-1]]
        elif path:
            target[path[-1]] = data.draw(ODD)
    record = decode(wire, frame.is_response)
    assert text(record.to_dict()) == text(wire)
    repr(record)
    if isinstance(wire.get("type"), str) and not isinstance(record, Unknown):
        assert type(record).from_dict(wire) == record


def short_frames() -> list[Received]:
    """One frame of each tag, not too long for many trials."""
    shortest: dict[tuple[bool, str], Received] = {}
    for frame in recordings.everything():
        key = (frame.is_response, frame.tag)
        if key not in shortest or len(text(frame.wire)) < len(text(shortest[key].wire)):
            shortest[key] = frame
    return list(shortest.values())


SHORT = short_frames()


@given(st.dictionaries(st.text(max_size=8), ODD, max_size=4))
def test_any_object_decodes_as_response_and_as_event(wire: dict[str, Any]) -> None:
    assert text(responses.decode(wire).to_dict()) == text(wire)
    assert text(events.decode(wire).to_dict()) == text(wire)
