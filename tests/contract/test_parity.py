"""The simulator does in every recorded scenario what the real CLI did (see parity_replay and parity_streams).

``RECORDINGS=folder`` runs this on other recordings. With ``SIMPLEX_CHAT_BIN`` and ``SMP_SERVER`` (and ``XFTP_SERVER``)
it runs on the real CLI instead, which shows what two runs of it differ in.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.contract import parity_servers
from tests.contract.parity_replay import Replay
from tests.contract.parity_scenario import load
from tests.contract.recordings import paths

DIFFERENCES = Path(__file__).with_name("parity_differences.txt")


def listed_differences() -> list[tuple[str, str, str]]:
    """Scenario, difference and reason of each listed difference."""
    lines = []
    for line in DIFFERENCES.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            scenario, difference, reason = (part.strip() for part in line.split(" | "))
            lines.append((scenario, difference, reason))
    return lines


def unexplained(scenario: str, found: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """The differences that are not listed, and the listed ones that were not seen."""
    unlisted, unused = dict(found), []
    for name, difference, _ in listed_differences():
        if fnmatchcase(scenario, name):
            matching = [text for text in found if fnmatchcase(text, difference)]
            for text in matching:
                unlisted.pop(text, None)
            if not matching:
                unused.append(difference)
    return [f"{count} x {text}" for text, count in sorted(unlisted.items())], unused


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_parity(path: Path, tmp_path: Path) -> None:
    scenario = load(path)
    if parity_servers.is_real() and any(step.action == "servers_down" for step in scenario.steps):
        pytest.skip("the real servers cannot be switched off from here")
    report, unused = unexplained(scenario.name, Replay(scenario, tmp_path).run())
    assert not report, f"{scenario.name}: {len(report)} differences that are not listed:\n" + "\n".join(report)
    assert not unused, f"{scenario.name}: lines of {DIFFERENCES.name} that no longer apply: {unused}"


def test_the_list_of_differences_is_short_and_has_reasons() -> None:
    lines = listed_differences()
    assert len(lines) < 25
    assert all(len(reason) > 20 for _, _, reason in lines)
