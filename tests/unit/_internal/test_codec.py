"""Frames: what goes out, and what is read of that which comes in."""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplex_sync._internal.codec import Frame, encode_command, parse_json
from tests.children.fake import RECORDINGS, recorded_frames

FUZZ = settings(max_examples=200, deadline=None, derandomize=True, database=None)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@FUZZ
@given(st.integers(1, 10**12), st.text())
def test_a_command_string_is_carried_unchanged_whatever_it_holds(number: int, text: str) -> None:
    payload = encode_command(str(number), text)
    assert json.loads(payload) == {"corrId": str(number), "cmd": text}
    assert payload.isascii()
    assert b"\n" not in payload


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_command("1", "\ud800")


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_make_a_frame(payload: bytes) -> None:
    frame = Frame(payload)
    assert isinstance(frame.tag, str)
    assert frame.body() is None or isinstance(frame.body(), dict)
    assert isinstance(frame.text(), str)


@FUZZ
@given(json_values, json_values, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_head_and_whole_say_the_same(corr_id: Any, body: Any, swapped: bool, indent: Any) -> None:
    pairs = [("corrId", corr_id), ("resp", body)]
    value = dict(reversed(pairs) if swapped else pairs)
    frame = Frame(json.dumps(value, indent=indent).encode())
    assert frame.corr_id == (corr_id if isinstance(corr_id, str) else None)
    assert frame.body() == (body if isinstance(body, dict) else None)
    tag = body.get("type") if isinstance(body, dict) else ""
    assert frame.tag == (tag if isinstance(tag, str) else "")


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDINGS.glob("*.jsonl")))
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_recorded_frames_are_read(name: str, separators: tuple[str, str]) -> None:
    frames = recorded_frames(name)
    assert frames
    for recorded in frames:
        frame = Frame(json.dumps(recorded, separators=separators).encode())
        assert frame.corr_id == recorded.get("corrId")
        assert frame.tag == recorded["resp"]["type"]
        assert frame.body() == recorded["resp"]


def test_a_tag_that_stands_later_in_the_body_is_found() -> None:
    frame = Frame(b'{"resp":{"user":{"type":"no"},"type":"contactConnected"},"corrId":"4"}')
    assert (frame.corr_id, frame.tag) == ("4", "contactConnected")


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b'{"resp":[]}', b'{"resp":{"type":3}}', b'{"corrId":7}', b"\xff\xfe\x00"]
)
def test_what_is_no_answer_has_no_tag(payload: bytes) -> None:
    frame = Frame(payload)
    assert (frame.corr_id, frame.tag) == (None, "")


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    payload = b'{"resp":{"type":"deep","value":' + b"[" * 200_000 + b"]" * 200_000 + b"}}"
    with pytest.raises(ValueError, match=r"nested too deeply|maximum"):
        parse_json(payload)
    frame = Frame(payload)
    assert frame.tag == "deep"  # the head is read without the rest
    assert frame.body() is None
    assert Frame(b" " + payload.replace(b'"type":"deep",', b"")).tag == ""


def test_a_number_longer_than_python_converts_is_kept_as_text() -> None:
    limit = sys.get_int_max_str_digits() if hasattr(sys, "get_int_max_str_digits") else 0
    if not limit:  # a Python that converts numbers of any length
        assert parse_json(b"9" * 5000) > 0
        return
    digits = "9" * (limit + 1)
    assert parse_json(b'{"small":5,"value":%s}' % digits.encode()) == {"small": 5, "value": digits}


def test_a_long_number_around_deep_nesting_is_an_error() -> None:
    with pytest.raises(ValueError):
        parse_json(b"[%s,%s]" % (b"9" * 100_000, b"[" * 200_000 + b"]" * 200_000))


def test_numbers_beyond_floats_and_json_pass() -> None:
    assert parse_json(b"[1e999, NaN, -Infinity]")[0] == float("inf")


@pytest.mark.parametrize("payload", [b"{not json", b'"\xff"'])
def test_what_is_no_json_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(payload)


def test_a_marker_is_an_event_with_its_record_made() -> None:
    record = object()
    frame = Frame.marker("reconnected", record)
    assert (frame.corr_id, frame.tag, frame.record, frame.payload) == (None, "reconnected", record, b"")


@pytest.mark.parametrize("size", [0, 300_000], ids=["small", "large"])
@pytest.mark.parametrize("collects", [True, False], ids=["collecting", "not collecting"])
def test_the_collector_rests_for_large_answers_only_and_is_left_as_it_was(size: int, collects: bool) -> None:
    frame = Frame(json.dumps({"corrId": "1", "resp": {"type": "x", "text": "y" * size}}).encode())
    seen: list[bool] = []

    def decode(body: dict[str, Any]) -> int:
        seen.append(gc.isenabled())
        return len(body["text"])

    def fails(body: dict[str, Any]) -> int:
        raise KeyboardInterrupt

    was = gc.isenabled()
    try:
        gc.enable() if collects else gc.disable()
        assert frame.decoded(decode) == ({"type": "x", "text": "y" * size}, size)
        assert seen == [collects and not size]
        assert gc.isenabled() is collects
        with pytest.raises(KeyboardInterrupt):
            frame.decoded(fails)
        assert gc.isenabled() is collects
    finally:
        gc.enable() if was else gc.disable()
    assert Frame(b"no JSON" * size).decoded(decode) is None
