"""What is known of the official releases of the CLI: versions, names of files, checksums, and where they are kept."""

from __future__ import annotations

import os
import re
from pathlib import Path

from simplex_sync.errors import InstallError, InvalidArgument

RELEASES_PAGE = "https://github.com/simplex-chat/simplex-chat/releases"
DOWNLOADS = RELEASES_PAGE + "/download"
SUMS = "_sha256sums"
PROGRAM = "simplex-chat"

_VERSION = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){1,4})(?:-([a-z]{1,10})\.?(\d{1,6}))?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUMS_LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{64})[ \t]+\*?(?P<name>\S.*)")

# The oldest glibc that runs each Linux build, the newest build first.
_LINUX_BUILDS = {
    "x86_64": (((2, 39), "ubuntu-24_04-x86_64"), ((2, 35), "ubuntu-22_04-x86_64")),
    "aarch64": (((2, 39), "ubuntu-24_04-aarch64"),),
}
_MACOS_BUILDS = {"arm64": "macos-aarch64", "x86_64": "macos-x86-64"}
_OTHER_WAYS = f"build it from source, or look at {RELEASES_PAGE}; then pass its path as executable="


def version_key(version: str) -> tuple[tuple[int, ...], bool, str, int]:
    """Return what versions are sorted by: `6.4.5-beta.2` comes before `6.4.5`, and that before `6.4.10`.

    Args:
        version: A version as `clean_version` returns it.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(version)
    numbers = tuple(int(number) for number in match[1].split("."))
    return numbers, match[2] is None, match[2] or "", int(match[3] or 0)


def is_version(name: str) -> bool:
    """Return whether the name of a folder is a version."""
    return _VERSION.fullmatch(name) is not None and not name.startswith("v")


def clean_version(version: str, method: str) -> str:
    """Return the version without its `v`.

    Args:
        version: A version such as `"6.4.5"`, `"v6.4.5"` or `"6.5.0-beta.5"`.
        method: The name of the method, for the error.

    Raises:
        InvalidArgument: It is no version. (It becomes part of an URL and of a path, so nothing else may pass.)
    """
    if not isinstance(version, str) or _VERSION.fullmatch(version) is None:
        raise InvalidArgument(
            f"{method}: version {version!r} is no version; it looks like '6.4.5', as on {RELEASES_PAGE}",
            argument="version",
        )
    return version.removeprefix("v")


def clean_digest(sha256: str, method: str) -> str:
    """Return a SHA-256 in lower case.

    Args:
        sha256: 64 hexadecimal digits.
        method: The name of the method, for the error.

    Raises:
        InvalidArgument: It is no SHA-256.
    """
    digest = sha256.strip().lower() if isinstance(sha256, str) else ""
    if _DIGEST.fullmatch(digest) is None:
        raise InvalidArgument(f"{method}: sha256 must be 64 hexadecimal digits", argument="sha256")
    return digest


def asset_name(method: str) -> str:
    """Return the name of the release's file for this machine.

    Args:
        method: The name of the method, for the error.

    Raises:
        InstallError: There is no official program for this machine; says what can be done.
    """
    import platform

    system, machine = platform.system(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    if system == "Darwin":
        machine = {"aarch64": "arm64"}.get(machine, machine)
        if machine in _MACOS_BUILDS:
            return f"{PROGRAM}-{_MACOS_BUILDS[machine]}"
    if system == "Linux":
        machine = {"arm64": "aarch64"}.get(machine, machine)
        if machine in _LINUX_BUILDS:
            return f"{PROGRAM}-{_linux_build(machine, platform.libc_ver(), method)}"
    if system == "Windows":
        raise InstallError(
            f"{method}: this package needs a pseudo-terminal, which Windows does not have; run it in the Windows "
            f"Subsystem for Linux"
        )
    raise InstallError(
        f"{method}: there is no official {PROGRAM} for {system or 'this system'} on {machine or 'this processor'}; "
        f"{_OTHER_WAYS}"
    )


def _linux_build(machine: str, libc: tuple[str, str], method: str) -> str:
    library, version = libc
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if library != "glibc" or not numbers:
        raise InstallError(
            f"{method}: the official {PROGRAM} needs glibc, and this system has another C library; use a container "
            f"with Ubuntu or Debian, or {_OTHER_WAYS}"
        )
    builds = _LINUX_BUILDS[machine]
    for oldest, build in builds:
        if numbers >= oldest:
            return build
    needed = ".".join(str(number) for number in builds[-1][0])
    raise InstallError(
        f"{method}: the official {PROGRAM} for {machine} needs glibc {needed} or newer, and this system has {version}; "
        f"use a newer system or a container, or {_OTHER_WAYS}"
    )


def find_digest(sums: str, name: str, method: str) -> str | None:
    """Return the SHA-256 of a file from a list of checksums, or None where the list does not name it.

    Args:
        sums: The list in the form of `sha256sum`: on each line a checksum and a name, which may have folders.
        name: The name of the file.
        method: The name of the method, for the error.

    Raises:
        InstallError: The list gives the file two different checksums.
    """
    lines = [_SUMS_LINE.fullmatch(line.strip()) for line in sums.splitlines()]
    digests = {line["digest"].lower() for line in lines if line and line["name"].rpartition("/")[2] == name}
    if len(digests) > 1:
        raise InstallError(f"{method}: the list of checksums gives {name} two different ones, so neither is used")
    return digests.pop() if digests else None


def default_folder() -> Path:
    """Return the folder that holds the installed versions: `cli` in the user's data folder."""
    import platformdirs

    return Path(platformdirs.user_data_path("simplex-sync", appauthor=False)) / "cli"


def installed_in(folder: Path) -> dict[str, Path]:
    """Return the versions that a folder holds, the oldest first, each with the path of its program.

    Args:
        folder: The folder that holds a folder for each version; it need not exist.
    """
    try:
        names = [entry.name for entry in folder.iterdir() if is_version(entry.name)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    programs = {name: folder / name / PROGRAM for name in sorted(names, key=version_key)}
    return {name: path for name, path in programs.items() if path.is_file() and os.access(path, os.X_OK)}
