"""Kernels of notebooks: interrupted, their first cell run again, restarted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import psutil

from tests.children.fake import FakeCli
from tests.docs.examples import ROOT, environment

SESSION = ROOT / "tests" / "children" / "kernel_session.py"
LONG = 110.0


def test_a_kernel_is_interrupted_restarted_and_its_first_cell_run_again(make_fake: Callable[..., FakeCli]) -> None:
    fake = make_fake()
    folder = fake.folder
    surroundings = environment(
        JUPYTER_RUNTIME_DIR=str(folder / "jupyter"), IPYTHONDIR=str(folder / "ipython"), TMPDIR=str(folder)
    )
    arguments = [sys.executable, str(SESSION), str(folder), str(fake.path)]
    done = subprocess.run(arguments, capture_output=True, text=True, env=surroundings, timeout=LONG, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    kernel, *_ = said["start"].split()
    assert said["again"].startswith("DatabaseInUse: start: ")
    assert f"another client of this process (pid {kernel})" in said["again"]
    assert "SimplexChat.close_all()" in said["again"]
    assert (said["use"], said["used"]) == ("alice", "alice")
    assert said["interrupted"].startswith("KeyboardInterrupt")
    assert said["seconds"] < 1  # with the way through the kernel's sockets and its traceback
    assert "closed" in said["close_all"]
    # The CLI of a kernel that is no more has ended, so the first cell works at once in the next one.
    starts = [said[key].split() for key in ("start", "anew", "restarted, now=False", "restarted, now=True")]
    assert [int(child) for _, child in starts] == fake.notes("start")
    assert starts[0][0] == starts[1][0]
    assert len({kernel for kernel, _ in starts}) == 3
    gone = [psutil.Process(pid) for pid in fake.notes("start") if psutil.pid_exists(pid)]
    assert psutil.wait_procs(gone, timeout=2)[1] == []
