"""A client that does nothing, in a process of its own: `idling.py EXECUTABLE FOLDER`.

It answers each line on its standard input with the seconds of processor time that it has used, how often its threads
have gone to sleep (which is how often they were woken), and its memory in MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import psutil

from scripts.benchmarks.programs import FreshPython, Program


def wake_ups() -> int:
    """Return how often the threads of this process have gone to sleep; 0 where the system does not tell."""
    count = 0
    for path in Path("/proc/self/task").glob("*/status"):
        for line in path.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                count += int(line.split()[1])
    return count


def watch(program: Program, folder: Path, wait: float) -> tuple[float, int, float]:
    """Watch a client do nothing; return its share of a core, its wake-ups and its memory in MB.

    Args:
        program: The CLI.
        folder: A folder for its database.
        wait: For how long to watch, in seconds.
    """
    python = FreshPython()
    try:
        python.output("import scripts.benchmarks.programs")  # compiles the bytecode, which would stay in memory
        words = [sys.executable, str(Path(__file__).resolve()), program.executable, str(folder)]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=python.environment
        ) as process:
            before = _ask(process)
            time.sleep(wait)
            after = _ask(process)
            assert process.stdin is not None
            process.stdin.close()
    finally:
        python.close()
    # One wake-up is that of the question itself.
    return (after[0] - before[0]) / wait, max(0, round(after[1] - before[1]) - 1), after[2]


def _ask(process: subprocess.Popen[str]) -> list[float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("?\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    return [float(each) for each in answer]


def main(executable: str, folder: str) -> None:
    """Be the client."""
    with Program(Path(folder), executable).client():
        for _ in sys.stdin:
            print(json.dumps([time.process_time(), wake_ups(), psutil.Process().memory_info().rss / 1e6]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
