"""Messages as the CLI takes them, made of what people give: text, files, pictures, quotes and mentions."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simplex_sync.api import types
from simplex_sync.errors import InvalidArgument

__all__ = ["checked_text", "composed", "existing_file", "mentioned"]

# A grey point, shown until the picture itself was received; a preview counts towards the size of the message.
_NO_PREVIEW = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
)
_PREVIEW_BYTES = 9_000
_PICTURES = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".gif": "gif", ".webp": "webp"}


def checked_text(method: str, text: object, argument: str = "text") -> str:
    """Return a text to send.

    Args:
        method: The name of the method that was called.
        text: What was given.
        argument: The name of the argument.

    Raises:
        InvalidArgument: It is no text, or empty.
    """
    if not isinstance(text, str):
        raise InvalidArgument(f"{method}: {argument} must be a str, not {type(text).__name__}", argument=argument)
    if not text:
        raise InvalidArgument(f"{method}: {argument} is empty; there is nothing to send", argument=argument)
    return text


def existing_file(method: str, path: Any, argument: str, *, local: bool) -> str:
    """Return the absolute path of a file that can be sent.

    Args:
        method: The name of the method that was called.
        path: What was given.
        argument: The name of the argument.
        local: Whether the CLI sees the same files; otherwise the path is taken as it is.

    Raises:
        InvalidArgument: There is no such file, or it cannot be read.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidArgument(f"{method}: {argument} must be a path, not {type(path).__name__}", argument=argument)
    text = os.fspath(path)
    if not isinstance(text, str) or "\0" in text:
        raise InvalidArgument(f"{method}: {argument} must be a path given as text", argument=argument)
    if not local:
        return text
    absolute = Path(text).absolute()
    problem = "does not exist" if not absolute.exists() else "" if absolute.is_file() else "is no file"
    if not problem and not os.access(absolute, os.R_OK):
        problem = "cannot be read"
    if problem:
        raise InvalidArgument(f"{method}: {argument} {problem}: {absolute.name!r}", argument=argument)
    return str(absolute)


def preview(path: str, *, local: bool) -> str:
    """Return a picture as a data URI small enough for a message.

    Args:
        path: The picture.
        local: Whether it can be read here.

    Returns:
        The picture itself where it is small, one made smaller where Pillow is installed, else a grey point.
    """
    picture = Path(path)
    kind = _PICTURES.get(picture.suffix.lower())
    if local and kind is not None and picture.stat().st_size <= _PREVIEW_BYTES:
        return f"data:image/{kind};base64,{base64.b64encode(picture.read_bytes()).decode('ascii')}"
    return (_smaller(path) if local else None) or _NO_PREVIEW


def _smaller(path: str) -> str | None:
    """Return a small JPEG of a picture, or None where Pillow is not installed or cannot read it."""
    try:
        import importlib
        import io

        pillow: Any = importlib.import_module("PIL.Image")
        with pillow.open(path) as picture:
            picture = picture.convert("RGB")
            for side in (224, 128, 64):
                picture.thumbnail((side, side))
                out = io.BytesIO()
                picture.save(out, "JPEG", quality=60)
                if len(out.getvalue()) <= _PREVIEW_BYTES:
                    return "data:image/jpg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
    except (ImportError, OSError, ValueError):
        pass
    return None


def composed(
    method: str,
    text: str | None,
    *,
    file: Any = None,
    image: Any = None,
    link_preview: types.LinkPreview | None = None,
    quoted: int | None = None,
    mentions: Mapping[str, int] | None = None,
    local: bool = True,
) -> types.ComposedMessage:
    """Return a message as the CLI takes it.

    Args:
        method: The name of the method that was called.
        text: The text; it may be None with a file or a picture.
        file: The path of a file, or None.
        image: The path of a picture, or None.
        link_preview: What to show of a link in the text, or None.
        quoted: The number of the item that is replied to, or None.
        mentions: The numbers of group members by the names that mention them.
        local: Whether the CLI sees the same files.

    Raises:
        InvalidArgument: What was given does not fit together.
    """
    given = [
        name for name, value in (("file", file), ("image", image), ("link_preview", link_preview)) if value is not None
    ]
    if len(given) > 1:
        raise InvalidArgument(f"{method}: {given[0]} and {given[1]} cannot go into one message", argument=given[1])
    source = None
    content: types.MsgContent
    if file is not None or image is not None:
        path = existing_file(method, image if file is None else file, given[0], local=local)
        source = types.CryptoFile(file_path=path)
        caption = "" if text is None or text == "" else checked_text(method, text)
        if file is not None:
            content = types.MsgContentFile(text=caption)
        else:
            content = types.MsgContentImage(text=caption, image=preview(path, local=local))
    elif link_preview is not None:
        if not isinstance(link_preview, types.LinkPreview):
            raise InvalidArgument(f"{method}: link_preview must be a types.LinkPreview", argument="link_preview")
        content = types.MsgContentLink(text=checked_text(method, text), preview=link_preview)
    else:
        content = types.MsgContentText(text=checked_text(method, text))
    return types.ComposedMessage(
        file_source=source, quoted_item_id=quoted, msg_content=content, mentions=dict(mentions or {})
    )


def mentioned(method: str, text: str | None, mentions: object, members: Sequence[types.GroupMember]) -> dict[str, int]:
    """Return the numbers of the members who are mentioned, by their names.

    Args:
        method: The name of the method that was called.
        text: The text, which must have each of them as `@name` or `@'name'`.
        mentions: Local display names.
        members: The members of the group.

    Raises:
        InvalidArgument: A name is not in the text, or no member has it.
    """
    if isinstance(mentions, str) or not isinstance(mentions, Sequence):
        raise InvalidArgument(f"{method}: mentions must be a list of members' names", argument="mentions")
    numbers = {member.local_display_name: member.group_member_id for member in members}
    found = {}
    for each in mentions:
        name = each.removeprefix("@") if isinstance(each, str) else ""
        if name not in numbers:
            raise InvalidArgument(f"{method}: the group has no member {name!r} to mention", argument="mentions")
        if text is None or (f"@{name}" not in text and f"@'{name}'" not in text):
            raise InvalidArgument(
                f"{method}: the text does not mention {name!r}: write @{name}, or @'{name}' where it has spaces",
                argument="mentions",
            )
        found[name] = numbers[name]
    return found
