"""Parity holds for people, groups, files and texts of any name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract import parity_servers
from tests.contract.parity_replay import Replay
from tests.contract.parity_scenario import load
from tests.contract.recordings import OWN_FOLDER, paths
from tests.contract.renamed import rename
from tests.contract.test_parity import unexplained


@pytest.mark.parametrize("path", paths(OWN_FOLDER), ids=lambda path: path.stem)
def test_parity_with_other_names(path: Path, tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    scenario = load(rename(path, tmp_path / "recordings"))
    original = load(path)
    assert [client.display_name for client in scenario.clients.values()] != [
        client.display_name for client in original.clients.values()
    ]
    if parity_servers.is_real() and any(step.action == "servers_down" for step in scenario.steps):
        pytest.skip("the real servers cannot be switched off from here")
    report, _ = unexplained(scenario.name, Replay(scenario, tmp_path / "replay").run())
    assert not report, "\n".join(report)
