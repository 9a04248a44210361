"""Names and places of files from other people: `_conversation.files`."""

from __future__ import annotations

import itertools
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplex_sync._conversation import files
from simplex_sync._conversation.files import Landing, numbered, put_in_place, safe_file_name, unused_path


@pytest.mark.parametrize(
    ("offered", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("größe и пробел.bin", "größe и пробел.bin"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\autoexec.bat", "autoexec.bat"),
        ("/etc/shadow", "shadow"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("   ", "file"),
        ("folder/", "file"),
        (".bashrc", "bashrc"),
        (". .bashrc", "bashrc"),
        (".\u3000. .bashrc", "bashrc"),
        ("end. \u3000. ", "end"),
        ("con" + " " * 300 + "x.txt", "_con.txt"),
        ("a\0b.txt", "a_b.txt"),
        ("a\nb\x1b[31m.txt", "a_b_[31m.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("zero\u200bwidth.txt", "zerowidth.txt"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("lpt1", "_lpt1"),
        ("console.txt", "console.txt"),
        ('a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"),
        ("trailing. . .", "trailing"),
        ("half \ud800 pair.txt", "half ? pair.txt".replace("?", "_")),
        (None, "file"),
        (17, "file"),
    ],
)
def test_offered_names_are_made_harmless(offered: object, name: str) -> None:
    assert safe_file_name(offered) == name


def test_long_names_keep_their_suffix_and_fit() -> None:
    name = safe_file_name("я" * 300 + ".jpeg")
    assert name.endswith("я.jpeg")
    assert len(name.encode()) <= 200
    assert len(safe_file_name("x." + "y" * 300).encode()) <= 200


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.text(max_size=300))
def test_no_name_leads_out_of_the_folder(offered: str) -> None:
    name = safe_file_name(offered)
    assert name
    assert name not in (".", "..")
    assert not set(name) & set('/\\\0<>:"|?*')
    assert not name.startswith(".")
    assert len(name.encode()) <= 200
    assert safe_file_name(name) == name
    assert Path("folder", name).parent == Path("folder")


def test_names_that_are_taken_get_a_number(tmp_path: Path) -> None:
    first = [path.name for path in itertools.islice(numbered(tmp_path, "a.tar.gz"), 3)]
    assert first == ["a.tar.gz", "a.tar (1).gz", "a.tar (2).gz"]
    (tmp_path / "a.txt").touch()
    (tmp_path / "a (1).txt").symlink_to("nowhere")
    assert unused_path(tmp_path, "a.txt") == tmp_path / "a (2).txt"


@pytest.mark.parametrize("one_device", [True, False])
def test_a_file_is_put_in_place_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_device: bool
) -> None:
    source, target = tmp_path / "in" / "part", tmp_path / "out" / "file"
    source.parent.mkdir()
    target.parent.mkdir()
    source.write_bytes(b"content")
    monkeypatch.setattr(files, "same_device", lambda one, other: one == other or one_device)
    put_in_place(source, target, overwrite=False)
    assert target.read_bytes() == b"content"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not source.exists()
    assert os.listdir(target.parent) == ["file"]


@pytest.mark.parametrize("one_device", [True, False])
def test_what_is_there_is_replaced_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_device: bool
) -> None:
    source, target = tmp_path / "in" / "part", tmp_path / "file"
    source.parent.mkdir()
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    monkeypatch.setattr(files, "same_device", lambda one, other: one == other or one_device)
    with pytest.raises(FileExistsError):
        put_in_place(source, target, overwrite=False)
    assert target.read_bytes() == b"old"
    assert source.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["file", "in"]
    put_in_place(source, target, overwrite=True)
    assert target.read_bytes() == b"new"


def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "part").write_bytes(b"new")
    (tmp_path / "taken").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        put_in_place(tmp_path / "part", tmp_path / "taken", overwrite=False)
    put_in_place(tmp_path / "part", tmp_path / "free", overwrite=False)
    assert (tmp_path / "free").read_bytes() == b"new"


def test_devices_are_compared(tmp_path: Path) -> None:
    assert files.same_device(tmp_path, tmp_path)
    assert not files.same_device(tmp_path, tmp_path / "missing")


def test_a_landing_that_stays_is_for_its_owner_only(tmp_path: Path) -> None:
    received = tmp_path / "file"
    received.touch(0o644)
    assert Landing(received, received).finish(received) == received
    assert stat.S_IMODE(received.stat().st_mode) == 0o600
    assert Landing(None, None).finish(tmp_path / "elsewhere") == tmp_path / "elsewhere"


def test_a_landing_moves_what_came_beside_it(tmp_path: Path) -> None:
    received, target = tmp_path / "part", tmp_path / "file"
    received.write_bytes(b"new")
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        Landing(received, target).finish(received)
    assert Landing(received, target, overwrite=True).finish(received) == target
    assert target.read_bytes() == b"new"
