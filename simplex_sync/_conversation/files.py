"""Names and places of files that come from other people.

A name that was offered never leads out of the folder, never hides itself, and never replaces what is there.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Landing", "numbered", "put_in_place", "safe_file_name", "unused_path"]

#: How long a name may be, in bytes of UTF-8; file systems take 255, and a number may have to fit in.
_NAME_BYTES = 200
_SUFFIX_BYTES = 20
_IS_THERE = "something of that name came into being meanwhile"
_FORBIDDEN = re.compile(r'[<>:"|?*]')
# Dots at the beginning hide a file; Windows drops dots and spaces at the end. In any mixture, and spaces of any kind.
_EDGES = re.compile(r"\A[.\s]+|[.\s]+\Z")
# What Windows takes for devices, with any suffix; a file of that name could not be copied there.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?\Z")


def safe_file_name(offered: object) -> str:
    """Return a harmless name for a file, as near as possible to the one that the other side offered.

    Args:
        offered: The name that was offered: anything.

    Returns:
        A name without folders, control characters, characters that turn the direction of writing (and could fake the
        suffix), leading dots, or names of devices; not empty, and at most 200 bytes in UTF-8.
    """
    text = offered if isinstance(offered, str) else ""
    text = re.split(r"[/\\]", text.encode("utf-8", "replace").decode("utf-8"))[-1]
    # Cc: control characters, NUL among them; Cf: marks that are not seen; Zl, Zp: line ends; Co, Cs, Cn: no characters.
    text = "".join("_" if unicodedata.category(each) in ("Cc", "Zl", "Zp", "Cs", "Cn", "Co") else each for each in text)
    text = "".join(each for each in text if unicodedata.category(each) != "Cf")
    text = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", text))
    text = _shortened(_EDGES.sub("", text))
    # Last, since what was taken away may have left the name of a device.
    if _DEVICES.match(text):
        text = _shortened("_" + text)
    return text or "file"


def _shortened(name: str) -> str:
    if len(name.encode("utf-8")) <= _NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix.encode("utf-8")) > _SUFFIX_BYTES:
        stem, dot, suffix = name, "", ""
    room = _NAME_BYTES - len((dot + suffix).encode("utf-8"))
    stem = stem.encode("utf-8")[:room].decode("utf-8", "ignore")
    return _EDGES.sub("", stem) + dot + suffix


def numbered(folder: Path, name: str) -> Iterator[Path]:
    """Yield paths in a folder: `name.txt`, `name (1).txt`, `name (2).txt` and so on.

    Args:
        folder: The folder.
        name: A harmless name.
    """
    plain = Path(name)
    stem, suffix = plain.stem, plain.suffix
    yield folder / name
    number = 0
    while True:
        number += 1
        yield folder / f"{stem} ({number}){suffix}"


def unused_path(folder: Path, name: str) -> Path:
    """Return the first of `numbered` at which there is nothing, not even a broken link.

    Args:
        folder: The folder.
        name: A harmless name.
    """
    return next(path for path in numbered(folder, name) if not os.path.lexists(path))


def same_device(one: Path, other: Path) -> bool:
    """Return whether a file can be moved between two folders without being copied."""
    try:
        return one.stat().st_dev == other.stat().st_dev
    except OSError:
        return False


def put_in_place(source: Path, target: Path, *, overwrite: bool) -> None:
    """Move a file to its place, in one step, readable for its owner only.

    Args:
        source: The file; gone afterwards.
        target: The path that it shall have.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        FileExistsError: Something is there, and may not be replaced.
        OSError: The file cannot be moved.
    """
    source.chmod(0o600)
    if not same_device(source.parent, target.parent):
        # Under a name of its own first, so that nobody sees half a file under the right one.
        part = target.parent / f".{os.urandom(8).hex()}.part"
        try:
            with source.open("rb") as reader, os.fdopen(_made_for_owner(part), "wb") as writer:
                shutil.copyfileobj(reader, writer)
            put_in_place(part, target, overwrite=overwrite)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        source.unlink()
        return
    if overwrite:
        source.replace(target)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links: the check and the move are two steps then.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, _IS_THERE) from None
        source.rename(target)
    else:
        source.unlink()


def _made_for_owner(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


class Landing:
    """Where a download goes: the path that the CLI is told, and the one at which the file shall be in the end.

    Attributes:
        path: The path that the CLI is told, or None where it chooses.
        target: The path at which the file shall be, or None where it stays where the CLI puts it.
        overwrite: Whether a file at the target may be replaced.
    """

    def __init__(self, path: Path | None, target: Path | None, *, overwrite: bool = False) -> None:
        self.path = path
        self.target = target
        self.overwrite = overwrite

    def finish(self, received: Path) -> Path:
        """Put a file that was received whole in its place.

        Args:
            received: Where the CLI put it.

        Returns:
            Where it is now.

        Raises:
            OSError: It cannot be put there; it stays where it is.
        """
        target = self.target
        if target is None or target == received:
            if received.exists():
                received.chmod(0o600)
            return received
        if self.overwrite or not os.path.lexists(target):
            put_in_place(received, target, overwrite=self.overwrite)
            return target
        raise FileExistsError(errno.EEXIST, _IS_THERE)
