"""The rows of the table: what was measured, and what it must reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

LIBRARY, BARE = "simplex_sync", "bare loop"


@dataclasses.dataclass
class Check:
    """Something that a row must reach.

    Attributes:
        text: What it is, such as `"times the bare loop"`.
        value: What was measured.
        limit: What is allowed.
        at_most: Whether the value must not be greater than the limit, or not less.
        is_ratio: Whether it compares two things measured side by side, and so means the same on any machine.
    """

    text: str
    value: float
    limit: float
    at_most: bool = True
    is_ratio: bool = True

    def holds(self, margin: float = 1.0) -> bool:
        """Return whether the value keeps to the limit, made easier by a factor."""
        return self.value <= self.limit * margin if self.at_most else self.value >= self.limit / margin

    def __str__(self) -> str:
        return f"{_short(self.value)} {self.text} (at {'most' if self.at_most else 'least'} {_short(self.limit)})"


@dataclasses.dataclass
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        unit: The unit of the values.
        values: The medians, by who was measured.
        checks: What must be reached.
        notes: Facts that are worth knowing.
    """

    what: str
    unit: str
    values: dict[str, float]
    checks: list[Check] = dataclasses.field(default_factory=list)
    notes: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON."""
        row = dataclasses.asdict(self)
        for check, each in zip(self.checks, row["checks"], strict=True):
            each["holds"] = check.holds()
        return row


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | medians | must reach | |", "| --- | --- | --- | --- |"]
    for row in rows:
        medians = ", ".join(f"{who} {_short(value)} {row.unit}" for who, value in row.values.items())
        checks = "; ".join(map(str, row.checks))
        held = "" if not row.checks else "yes" if all(check.holds() for check in row.checks) else "**no**"
        lines.append(f"| {row.what} | {medians}{f' ({row.notes})' if row.notes else ''} | {checks} | {held} |")
    return "\n".join(lines)


def failures(rows: Iterable[Row], *, only_ratios: bool, margin: float) -> list[str]:
    """Return what was not reached.

    Args:
        rows: The rows.
        only_ratios: Whether to leave out what depends on the machine.
        margin: The factor by which limits are made easier.
    """
    return [
        f"{row.what}: {check}"
        for row in rows
        for check in row.checks
        if (check.is_ratio or not only_ratios) and not check.holds(margin)
    ]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
