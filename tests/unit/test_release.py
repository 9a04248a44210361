"""What is known of releases: which file is for which machine, and what a list of checksums says."""

from __future__ import annotations

import platform

import pytest

from simplex_sync._internal.release import asset_name, default_folder, find_digest, version_key
from simplex_sync.errors import InstallError

ONE, TWO = "1" * 64, "2" * 64


def pretend(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: tuple[str, str] = ("", "")) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)


@pytest.mark.parametrize(
    ("system", "machine", "glibc", "asset"),
    [
        ("Linux", "x86_64", "2.39", "simplex-chat-ubuntu-24_04-x86_64"),
        ("Linux", "x86_64", "2.41", "simplex-chat-ubuntu-24_04-x86_64"),
        ("Linux", "x86_64", "3.0", "simplex-chat-ubuntu-24_04-x86_64"),
        ("Linux", "x86_64", "2.38", "simplex-chat-ubuntu-22_04-x86_64"),
        ("Linux", "AMD64", "2.35", "simplex-chat-ubuntu-22_04-x86_64"),
        ("Linux", "aarch64", "2.39", "simplex-chat-ubuntu-24_04-aarch64"),
        ("Linux", "arm64", "2.40", "simplex-chat-ubuntu-24_04-aarch64"),
        ("Darwin", "arm64", "", "simplex-chat-macos-aarch64"),
        ("Darwin", "x86_64", "", "simplex-chat-macos-x86-64"),
    ],
)
def test_each_machine_gets_its_file(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, glibc: str, asset: str
) -> None:
    pretend(monkeypatch, system, machine, ("glibc", glibc) if glibc else ("", ""))
    assert asset_name("install") == asset


@pytest.mark.parametrize(
    ("system", "machine", "libc", "says"),
    [
        ("Linux", "x86_64", ("glibc", "2.34"), "needs glibc 2.35 or newer, and this system has 2.34"),
        ("Linux", "aarch64", ("glibc", "2.36"), "needs glibc 2.39 or newer, and this system has 2.36"),
        ("Linux", "x86_64", ("", ""), "another C library"),
        ("Linux", "x86_64", ("musl", "1.2.5"), "another C library"),
        ("Linux", "riscv64", ("glibc", "2.41"), "no official simplex-chat for Linux on riscv64"),
        ("Darwin", "ppc", ("", ""), "no official simplex-chat for Darwin on ppc"),
        ("FreeBSD", "x86_64", ("", ""), "no official simplex-chat for FreeBSD"),
        ("", "", ("", ""), "this system on this processor"),
        ("Windows", "AMD64", ("", ""), "Subsystem for Linux"),
    ],
)
def test_other_machines_are_told_what_can_be_done(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: tuple[str, str], says: str
) -> None:
    pretend(monkeypatch, system, machine, libc)
    with pytest.raises(InstallError, match=f"^install: .*{says}"):
        asset_name("install")


@pytest.mark.parametrize(
    "sums",
    [
        f"{ONE}  a\n{TWO}  b\n",
        f"{TWO} *b\r\n{ONE}  a",
        f"# made by sha256sum\n\n{TWO}\tfolder/b\n",
        f"{TWO.upper()}  ./b",
        f"{TWO}  b\n{TWO}  24.04/b\n{ONE}  b.deb\n",
    ],
)
def test_a_checksum_is_found(sums: str) -> None:
    assert find_digest(sums, "b", "install") == TWO


@pytest.mark.parametrize(
    "sums", ["", f"{ONE}  a", f"{TWO}b", f"{TWO[1:]}  b", f"b  {TWO}", f"{TWO}  xb", f"{TWO}  b x"]
)
def test_what_is_not_listed_is_not_found(sums: str) -> None:
    assert find_digest(sums, "b", "install") is None


def test_two_checksums_for_one_file_are_refused() -> None:
    with pytest.raises(InstallError, match="two different"):
        find_digest(f"{ONE}  b\n{TWO}  folder/b\n", "b", "install")


def test_versions_are_sorted_as_numbers() -> None:
    versions = ["6.4", "6.4.5-alpha.3", "6.4.5-beta.2", "6.4.5-beta.10", "6.4.5", "6.4.5.1", "6.4.10", "7.0.2", "10.0"]
    assert sorted(sorted(versions), key=version_key) == versions


def test_a_name_that_is_no_version_cannot_be_sorted() -> None:
    with pytest.raises(ValueError, match="notes"):
        version_key("notes")


def test_programs_are_kept_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/somebody/data")
    assert default_folder().name == "cli"
    assert default_folder().is_relative_to("/home/somebody")
