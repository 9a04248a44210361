"""The constructor's arguments, checked, and the command line made from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simplex_sync._internal import settings as module
from simplex_sync._internal.settings import Settings
from simplex_sync.errors import InvalidArgument, InvalidDisplayName, StartError


def checked(folder: Path, **given: Any) -> Settings:
    arguments: dict[str, Any] = {
        "database": folder / "chat",
        "display_name": None,
        "bot": False,
        "key": None,
        "executable": None,
        "smp_servers": (),
        "xftp_servers": (),
        "files_folder": None,
        "temp_folder": None,
        "extra_args": (),
    }
    return Settings.checked(**{**arguments, **given})


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMPLEX_CHAT_KEY", raising=False)


def test_the_least(tmp_path: Path) -> None:
    launch = checked(tmp_path).launch(["simplex-chat"], 60)
    prefix, files = str(tmp_path / "chat"), str(tmp_path / "chat_files")
    expected = [
        "simplex-chat",
        "-d",
        prefix,
        "-p",
        "0",
        "-y",
        "--files-folder",
        files,
        "--temp-folder",
        f"{files}/.temp",
    ]
    assert list(launch.argv) == expected
    assert (launch.prefix, launch.display_name, launch.secrets, launch.seconds) == (tmp_path / "chat", None, (), 60)
    assert (tmp_path / "chat_files" / ".temp").is_dir()


def test_everything(tmp_path: Path) -> None:
    launch = checked(
        tmp_path,
        database=str(tmp_path / "deep" / "chat"),
        display_name="Zoë",
        bot=True,
        key=lambda: "a key",
        smp_servers=["smp://a@h", "smp://b@h"],
        xftp_servers=("xftp://c@h",),
        files_folder=tmp_path / "in",
        temp_folder=str(tmp_path / "parts"),
        extra_args=["-x", "--tcp-timeout", "a b"],
    ).launch(["python", "sim"], None)
    assert list(launch.argv) == [
        *("python", "sim", "-d", str(tmp_path / "deep" / "chat"), "-p", "0", "-y", "-k", "a key"),
        *("-s", "smp://a@h smp://b@h", "--xftp-server", "xftp://c@h"),
        *("--files-folder", str(tmp_path / "in"), "--temp-folder", str(tmp_path / "parts")),
        *("--create-bot-display-name", "Zoë", "--create-bot-allow-files"),
        *("-x", "--tcp-timeout", "a b"),
    ]
    assert launch.secrets == ("a key",)
    assert "a key" not in repr(launch)


def test_a_bot_that_has_its_profile_needs_no_name(tmp_path: Path) -> None:
    settings = checked(tmp_path, bot=True)
    with pytest.raises(InvalidDisplayName, match=r'^start: the first run of a bot .* pass display_name="…"'):
        settings.launch(["simplex-chat"], 1)
    (tmp_path / "chat_chat.db").touch()
    assert "--create-bot-display-name" not in settings.launch(["simplex-chat"], 1).argv


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("display_name", [3, b"x", "\ud800"]),
        ("bot", [1, "yes", None]),
        ("key", [3, b"x"]),
        ("smp_servers", ["smp://x", b"x", 3, [""], ["a b"], [3], ["a\0"], {"a"}]),
        ("xftp_servers", ["xftp://x", [None], ["a\n"]]),
        ("extra_args", ["-x", [""], ["a\0b"], [1], *([option] for option in ("-d", "-p", "-k", "--key"))]),
        ("files_folder", ["", "a\0b", 3, b"x"]),
        ("temp_folder", ["", "a\0b", 3, b"x"]),
        ("database", [None, "", "folder/"]),
    ],
)
def test_what_cannot_be_right_is_refused_by_name(tmp_path: Path, argument: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(InvalidArgument, match=rf"^SimplexChat: {argument} ") as caught:
            checked(tmp_path, **{argument: value})
        assert caught.value.argument == argument
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\tb", "\x7f"])
def test_a_name_that_no_cli_can_take(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidDisplayName, match=r"^SimplexChat: display_name ") as caught:
        checked(tmp_path, display_name=name)
    assert caught.value.display_name == name


@pytest.mark.parametrize("key", ["a\nb", "a\0b", 7])
def test_a_key_that_cannot_be_given_is_not_shown(tmp_path: Path, key: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^start: the database key must be one line of text$") as caught:
        checked(tmp_path, key=lambda: key).launch(["simplex-chat"], 1)
    assert caught.value.argument == "key"


def test_the_key_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEX_CHAT_KEY", "from outside")
    for given, expected in ((None, "from outside"), ("mine", "mine"), ("", None)):
        argv = checked(tmp_path, key=given).launch(["simplex-chat"], 1).argv
        assert (argv[argv.index("-k") + 1] if "-k" in argv else None) == expected


def test_folders_on_two_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = checked(tmp_path, temp_folder=tmp_path / "elsewhere")
    stat = Path.stat

    class OnAnother:
        st_dev = -1

    def moved(path: Path, **options: Any) -> Any:
        return OnAnother() if path.name == "elsewhere" else stat(path, **options)

    monkeypatch.setattr(module, "make_folder", lambda _method, path: path.mkdir(parents=True, exist_ok=True))
    monkeypatch.setattr(Path, "stat", moved)
    with pytest.raises(StartError, match=r"must be on one file system"):
        settings.launch(["simplex-chat"], 1)
