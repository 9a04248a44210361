"""The servers behind a replay: those of the simulators' network folder, or real ones that the environment names."""

from __future__ import annotations

import os
from pathlib import Path

from simplex_sync.simulator.network import Faults, write_faults
from tests.contract.parity_cli import program


def is_real() -> bool:
    """Whether the real CLI is tested (its servers cannot be switched off from here)."""
    return len(program()) == 1


def options(recorded_server: str | None) -> list[str]:
    """Options that name the servers: the real ones, or for simulators the address that the recording shows."""
    smp = os.environ.get("SMP_SERVER") if is_real() else recorded_server
    xftp = os.environ.get("XFTP_SERVER") if is_real() else None
    return (["-s", smp] if smp else []) + (["--xftp-server", xftp] if xftp else [])


def switch(network: Path, *, reachable: bool) -> None:
    """Make the simulated servers reachable or not."""
    write_faults(network, Faults(unreachable=not reachable))
