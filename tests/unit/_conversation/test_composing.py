"""Messages as the CLI takes them: `_conversation.composing`.

Rests on the recorded commands `/_send … json […]` of messages.jsonl, files.jsonl and groups.jsonl: text, link, image
and file contents, quotes and mentions.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from simplex_sync import types
from simplex_sync._conversation.composing import composed, existing_file, mentioned, preview
from simplex_sync.errors import InvalidArgument
from tests.unit._conversation.recorded import recorded_answers

PREVIEW = types.LinkPreview(uri="https://example.com", title="Example", description="d", image="")


def test_a_text() -> None:
    message = composed("send", "hello", quoted=9)
    assert message.to_dict() == {
        "msgContent": {"type": "text", "text": "hello"},
        "quotedItemId": 9,
        "mentions": {},
    }


def test_a_link_preview() -> None:
    content = composed("send", "https://example.com see", link_preview=PREVIEW).msg_content
    assert content == types.MsgContentLink(text="https://example.com see", preview=PREVIEW)
    with pytest.raises(InvalidArgument, match="send: link_preview must be"):
        composed("send", "x", link_preview="https://example.com")  # type: ignore[arg-type]  # the wrong type is the point


@pytest.mark.parametrize("text", ["", None, 7, b"bytes"])
def test_what_is_no_text(text: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^send: text ") as caught:
        composed("send", text)
    assert caught.value.argument == "text"


def test_a_file_goes_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    message = composed("send", None, file="a b.txt")
    assert message.file_source == types.CryptoFile(file_path=str(tmp_path / "a b.txt"))
    assert message.msg_content == types.MsgContentFile(text="")
    assert composed("send", "see", file=tmp_path / "a b.txt").msg_content == types.MsgContentFile(text="see")


def test_files_that_cannot_be_sent(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="send: file does not exist: 'missing'"):
        composed("send", None, file=tmp_path / "missing")
    with pytest.raises(InvalidArgument, match="send: file is no file"):
        composed("send", None, file=tmp_path)
    with pytest.raises(InvalidArgument, match="send: file must be a path, not int"):
        composed("send", None, file=7)
    with pytest.raises(InvalidArgument, match="given as text"):
        composed("send", None, file="a\0b")
    with pytest.raises(InvalidArgument, match="given as text"):
        composed("send", None, file=SimplePath(b"bytes"))


class SimplePath:
    def __init__(self, path: Any) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        return self.path


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InvalidArgument, match="cannot be read"):
        composed("send", None, file=tmp_path / "secret")


def test_somebody_elses_cli_has_files_of_its_own() -> None:
    assert existing_file("send", "/there/x", "file", local=False) == "/there/x"
    assert composed("send", None, image="/there/x.png", local=False).msg_content.tag == "image"


def test_two_things_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="send: file and image cannot go into one message"):
        composed("send", None, file=tmp_path, image=tmp_path)


def test_a_small_picture_is_its_own_preview(tmp_path: Path) -> None:
    picture = tmp_path / "p.PNG"
    picture.write_bytes(b"picture")
    message = composed("send", "caption", image=picture)
    assert message.msg_content == types.MsgContentImage(
        text="caption", image="data:image/png;base64," + base64.b64encode(b"picture").decode()
    )
    assert message.file_source is not None


def test_a_large_picture_gets_a_point_for_a_preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    picture = tmp_path / "p.png"
    picture.write_bytes(b"x" * 20_000)
    shown = preview(str(picture), local=True)
    assert shown.startswith("data:image/png;base64,")
    assert base64.b64decode(shown.partition(",")[2]).startswith(b"\x89PNG")


def test_a_large_picture_is_made_smaller_by_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []

    class Picture:
        def __enter__(self) -> Picture:
            return self

        def __exit__(self, *_: object) -> None: ...

        def convert(self, _: str) -> Picture:
            return self

        def thumbnail(self, size: tuple[int, int]) -> None:
            sizes.append(size)

        def save(self, out: Any, *_: object, **__: object) -> None:
            out.write(b"j" * (20_000 if len(sizes) < 3 else 100))

    module = ModuleType("PIL.Image")
    module.open = lambda _: Picture()  # type: ignore[attr-defined]  # a stand-in for Pillow, which need not be there
    monkeypatch.setitem(sys.modules, "PIL", SimpleNamespace(Image=module))
    monkeypatch.setitem(sys.modules, "PIL.Image", module)
    picture = tmp_path / "p.bmp"
    picture.write_bytes(b"x" * 20_000)
    assert preview(str(picture), local=True) == "data:image/jpg;base64," + base64.b64encode(b"j" * 100).decode()
    assert len(sizes) == 3


def test_mentions_by_name() -> None:
    members = next(recorded_answers("groups", "groupMembers")).group.members
    name = members[0].local_display_name
    number = members[0].group_member_id
    assert mentioned("send", f"hello @{name}!", [name], members) == {name: number}
    assert mentioned("send", f"hello @'{name}'!", ["@" + name], members) == {name: number}
    with pytest.raises(InvalidArgument, match="no member 'nobody'"):
        mentioned("send", "@nobody", ["nobody"], members)
    with pytest.raises(InvalidArgument, match="does not mention"):
        mentioned("send", "hello", [name], members)
    with pytest.raises(InvalidArgument, match="must be a list"):
        mentioned("send", "hello", name, members)
    with pytest.raises(InvalidArgument, match="no member"):
        mentioned("send", "hello", [7], members)
