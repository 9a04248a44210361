"""Strings of the CLI's JSON that mean something: members of enums, and times."""

from __future__ import annotations

import datetime
import enum
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EnumTable", "StringEnum", "UTCTime"]

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(?:Z|([+-]\d\d:?\d\d))?")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")


class UTCTime(str):
    """A time as the CLI wrote it, ISO 8601 with up to nine digits of a second.

    It is a string, so that nothing is lost; `datetime` gives the time to count with.
    """

    __slots__ = ()

    @property
    def datetime(self) -> datetime.datetime:
        """The time as an aware datetime, cut to microseconds.

        Raises:
            ValueError: The string is not a time.

        """
        match = _TIME.fullmatch(self)
        if match is None:
            raise ValueError("UTCTime.datetime: this is not a time in ISO 8601")
        day, clock, fraction, zone = match.groups()
        zone = "+00:00" if zone is None else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
        text = f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{zone}"
        return datetime.datetime.fromisoformat(text)

    def shown(self) -> str:
        """Return the time as a repr may show it, or an empty string where it is something else."""
        return str(self) if _TIME.fullmatch(self) else ""


class StringEnum(str, enum.Enum):
    """A string that the CLI takes from a known set, or one that this version of the schema does not know.

    Members compare without regard to case to each other and to strings, since the versions of the CLI spell some of
    them differently; the spelling that came is kept in `value`. An unknown string makes a member without a name in
    the class (`is_known` is False), equal to that very string alone. A member hashes like the string of its
    documented spelling.
    """

    _value_: str
    _canonical_: str

    def __new__(cls, value: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member._canonical_ = value
        return member

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Not kept: a peer could otherwise fill the memory with new strings.
        member = str.__new__(cls, value)
        known = cls._by_folded().get(value.casefold())
        member._name_ = known._name_ if known is not None else value
        member._value_ = str(value)
        member._canonical_ = known._value_ if known is not None else member._value_
        return member

    @classmethod
    def _by_folded(cls) -> dict[str, Self]:
        return {member._value_.casefold(): member for member in cls}

    @property
    def is_known(self) -> bool:
        """Whether the schema knows this string."""
        return self._canonical_ in type(self)._value2member_map_

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StringEnum):
            return type(other) is type(self) and other._canonical_ == self._canonical_
        if isinstance(other, str):
            if self._value_ == other or self._canonical_ == other:
                return True
            return self.is_known and self._canonical_.casefold() == other.casefold()
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    def __hash__(self) -> int:
        return hash(self._canonical_)

    def __str__(self) -> str:
        return self._value_

    def __format__(self, specification: str) -> str:
        return format(self._value_, specification)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.shown()}"

    def shown(self) -> str:
        """Return the member as a repr may show it."""
        return self._name_ if _WORD.fullmatch(self._name_) else "?"


class EnumTable(dict[str, Any]):
    """The members of an enum by their strings; a string without a member makes one that is not kept."""

    __slots__ = ("_enum",)

    def __init__(self, kind: type[StringEnum]) -> None:
        super().__init__((member.value, member) for member in kind)
        self._enum = kind

    def __missing__(self, key: str) -> StringEnum:
        return self._enum(key)
