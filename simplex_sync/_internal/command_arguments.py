"""Arguments of commands: each is checked and put into the form that the CLI's parser takes.

The CLI says `Failed reading: empty` to whatever it cannot parse, so what can be known to be wrong is refused here. No
text argument can change the command: those that end a line or could be taken for another part of it are refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from simplex_sync._internal.command import Command, major_version, refuse
from simplex_sync._internal.strings import StringEnum
from simplex_sync._internal.wire import Record, encode

__all__ = [
    "chat_delete_mode",
    "chat_ref",
    "choice",
    "connection_link",
    "created_link",
    "identifiers",
    "json_message",
    "json_messages",
    "json_object",
    "json_record",
    "json_text",
    "line",
    "number",
    "on_off",
    "pagination",
    "send_ref",
    "switch",
]

R = TypeVar("R", bound=Record)

# Attoparsec reads any number of digits, but the CLI keeps numbers in 64 bits.
_MAX_INT = 2**63 - 1

# What a message may weigh when it is encoded for sending, in bytes (measured: 20,000 are refused as `largeMsg`). The
# CLI's own count includes the JSON around the text, so it takes somewhat less; what is over this it never takes.
MAX_MESSAGE_BYTES = 15_602

_CHAT_TYPES = {"direct": "@", "group": "#", "local": "*", "contactConnection": ":"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def number(command: Command, name: str, minimum: int = 1) -> str:
    """Return an integer argument: an id, a count or a time to live."""
    return _number(command, name, getattr(command, name), minimum)


def _number(command: Command, name: str, value: Any, minimum: int = 1) -> str:
    if type(value) is not int:
        raise refuse(command, name, f"must be an int, not {type(value).__name__}")
    if not minimum <= value <= _MAX_INT:
        shown = f"is {value}" if abs(value) < 2**128 else "is out of range"  # Python writes no ints of many digits
        raise refuse(command, name, f"{shown}; it must be at least {minimum} and fit in 64 bits")
    return str(value)


def identifiers(command: Command, name: str) -> str:
    """Return a list of ids, joined by commas."""
    values = getattr(command, name)
    if not isinstance(values, list | tuple):
        raise refuse(command, name, f"must be a list of ids, not {type(values).__name__}")
    if not values:
        raise refuse(command, name, "is empty; give at least one id")
    return ",".join(_number(command, f"{name}[{index}]", value) for index, value in enumerate(values))


def switch(command: Command, name: str) -> bool:
    """Return a bool argument as it is."""
    value = getattr(command, name)
    if type(value) is not bool:
        raise refuse(command, name, f"must be True or False, not {type(value).__name__}")
    return value


def on_off(command: Command, name: str) -> str:
    """Return a bool argument as `on` or `off`."""
    return "on" if switch(command, name) else "off"


def choice(command: Command, name: str, values: tuple[str, ...]) -> str:
    """Return an enum argument, which must be one of those that the command takes."""
    value = getattr(command, name)
    for known in values:
        if isinstance(value, str) and value == known:
            return known
    if isinstance(value, str):
        raise refuse(command, name, f"must be one of {', '.join(values)}")
    raise refuse(command, name, f"must be one of {', '.join(values)}, not {type(value).__name__}")


def _text(command: Command, name: str, value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise refuse(command, name, f"must be a str, not {type(value).__name__}")
    if not value:
        raise refuse(command, name, f"is empty; give {what}, or None where it may be left out")
    control = _CONTROL.search(value)
    if control is not None:
        raise refuse(command, name, f"has a line break or control character at position {control.start()}")
    _encodable(command, name, value)
    return str.__str__(value)  # what was looked at, whatever a subclass would say


def _encodable(command: Command, name: str, value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        problem = f"has half of a surrogate pair at position {error.start}, which cannot be sent"
    raise refuse(command, name, problem)


def connection_link(command: Command, name: str, reserved: str = "") -> str:
    """Return a link, which has no spaces; `reserved` is a pattern that the parser would take for something else."""
    return _link(command, name, getattr(command, name), reserved)


def _link(command: Command, name: str, value: Any, reserved: str = "") -> str:
    text = _text(command, name, value, "a SimpleX link")
    space = re.search(r"\s", text)
    if space is not None:
        raise refuse(command, name, f"has a space at position {space.start()}; a link has none")
    if reserved and re.match(reserved, text):
        raise refuse(command, name, "is no link: the CLI would take it for an option")
    return text


def line(command: Command, name: str, reserved: str = "") -> str:
    """Return a text that takes the rest of the line; `reserved` as for links."""
    text = _text(command, name, getattr(command, name), "a text")
    if text != text.strip():
        raise refuse(command, name, "begins or ends with a space, which the CLI would drop")
    if reserved and re.match(reserved, text):
        raise refuse(command, name, "begins like an option of the command, and the CLI would take it for one")
    return text


def _field(command: Command, name: str, record: Any, kind: str) -> None:
    if not isinstance(record, Record) or not type(record).__name__.startswith(kind):
        raise refuse(command, name, f"must be a types.{kind}, not {type(record).__name__}")


def send_ref(command: Command, name: str, cli_version: str | None) -> str:
    """Return the ChatRef of a chat to send to, which is a contact or a group in CLI 6."""
    text = chat_ref(command, name)
    if text[0] not in "@#" and cli_version is not None and major_version(cli_version) < 7:
        raise refuse(command, name, "must be a contact or a group; CLI 6 takes api_create_chat_items for the notes")
    return text


def chat_ref(command: Command, name: str) -> str:
    """Return a ChatRef: `@4`, `#1`, `#1(_support:6)`, `*1`."""
    ref: Any = getattr(command, name)
    _field(command, name, ref, "ChatRef")
    sign = next((sign for chat_type, sign in _CHAT_TYPES.items() if ref.chat_type == chat_type), None)
    if sign is None:
        raise refuse(command, f"{name}.chat_type", f"must be one of {', '.join(_CHAT_TYPES)}")
    text = sign + _number(command, f"{name}.chat_id", ref.chat_id)
    scope = ref.chat_scope
    if scope is None:
        return text
    if sign != "#" or getattr(scope, "tag", "") != "memberSupport":
        raise refuse(command, f"{name}.chat_scope", "must be a types.GroupChatScopeMemberSupport, and only of a group")
    member = scope.group_member_id_
    if member is None:
        return text + "(_support)"
    return f"{text}(_support:{_number(command, f'{name}.chat_scope.group_member_id_', member)})"


def created_link(command: Command, name: str, reserved: str = "") -> str:
    """Return a CreatedConnLink: `full[ short]`."""
    link: Any = getattr(command, name)
    _field(command, name, link, "CreatedConnLink")
    text = _link(command, f"{name}.conn_full_link", link.conn_full_link, reserved)
    if link.conn_short_link is not None:
        text += " " + _link(command, f"{name}.conn_short_link", link.conn_short_link)
    return text


def chat_delete_mode(command: Command, name: str) -> str:
    """Return a ChatDeleteMode: `full`, `entity` or `messages`, the first two with ` notify=on|off` where it is said."""
    mode: Any = getattr(command, name)
    _field(command, name, mode, "ChatDeleteMode")
    if mode.tag not in ("full", "entity", "messages"):
        raise refuse(command, name, "must be a ChatDeleteModeFull, ChatDeleteModeEntity or ChatDeleteModeMessages")
    notify = getattr(mode, "notify", None)
    if notify is None:
        return str(mode.tag)
    if type(notify) is not bool:
        raise refuse(command, f"{name}.notify", f"must be True, False or None, not {type(notify).__name__}")
    return f"{mode.tag} notify={'on' if notify else 'off'}"


def pagination(command: Command, name: str) -> str:
    """Return a page of a list: `count=20`, `after=7 count=20` and so on."""
    page: Any = getattr(command, name)
    by_time = type(page).__name__.startswith("PaginationByTime")
    _field(command, name, page, "PaginationByTime" if by_time else "ChatPagination")
    if page.tag not in ("last", "after", "before", "around", "initial"):
        raise refuse(command, name, "must be one of the variants that the schema knows")
    count = f"count={_number(command, f'{name}.count', page.count)}"
    if page.tag == "last":
        return count
    if page.tag == "initial":
        return count.replace("count", "initial")
    return f"{page.tag}={_number(command, f'{name}.item_id', page.item_id, 0)} {count}"


def _dump(command: Command, name: str, value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        # What json says may quote the value, so it is not passed on.
        text = None
    if text is None:
        raise refuse(command, name, "cannot be written as JSON: numbers must be finite and values plain")
    _encodable(command, name, text)
    return text


def _record(command: Command, name: str, value: Any, kind: type[R]) -> R:
    if isinstance(value, kind):
        return value
    if isinstance(value, dict):
        return kind.from_dict(value)
    raise refuse(command, name, f"must be a types.{kind.__name__}, not {type(value).__name__}")


def _json_record(command: Command, name: str, value: Any, kind: type[R]) -> str:
    record = _record(command, name, value, kind)
    for field in fields_missing(record):
        raise refuse(command, f"{name}.{field}", "is missing, and the CLI needs it")
    return _dump(command, name, record.to_dict())


def fields_missing(record: Record) -> list[str]:
    """Return the names of the fields of a record that are needed and None."""
    defaults = type(record).__init__.__kwdefaults__ or {}
    return [name for name in type(record)._fields if name not in defaults and getattr(record, name) is None]


def json_record(command: Command, name: str, kind: type[R]) -> str:
    """Return a record as JSON."""
    return _json_record(command, name, getattr(command, name), kind)


def json_message(command: Command, name: str, kind: type[R]) -> str:
    """Return a message to send as JSON, when it is not larger than the CLI takes."""
    return _json_message(command, name, getattr(command, name), kind)


def _json_message(command: Command, name: str, value: Any, kind: type[R]) -> str:
    text = _json_record(command, name, value, kind)
    message = value.to_dict() if isinstance(value, Record) else value
    size = _weight(message.get("msgContent"))
    if size > MAX_MESSAGE_BYTES:
        raise refuse(
            command,
            name,
            f"holds {size} bytes of text and preview; the CLI takes at most {MAX_MESSAGE_BYTES} in all: send it in "
            "parts, or as a file",
        )
    return text


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict):
        return sum(_weight(item) for item in value.values())
    return 0


def json_messages(command: Command, name: str, kind: type[R]) -> str:
    """Return a list of messages to send as JSON."""
    values = getattr(command, name)
    if not isinstance(values, list | tuple):
        raise refuse(command, name, f"must be a list of types.{kind.__name__}, not {type(values).__name__}")
    if not values:
        raise refuse(command, name, "is empty; give at least one message")
    items = (_json_message(command, f"{name}[{index}]", value, kind) for index, value in enumerate(values))
    return f"[{','.join(items)}]"


def json_object(command: Command, name: str) -> str:
    """Return a JSON object of the user's own."""
    value = getattr(command, name)
    if not isinstance(value, dict):
        raise refuse(command, name, f"must be a dict, not {type(value).__name__}")
    return _dump(command, name, encode(value))


def json_text(command: Command, name: str) -> str:
    """Return a text as a JSON string; it may hold anything."""
    value = getattr(command, name)
    if not isinstance(value, str) or isinstance(value, StringEnum):
        raise refuse(command, name, f"must be a str, not {type(value).__name__}")
    return _dump(command, name, str(value))
