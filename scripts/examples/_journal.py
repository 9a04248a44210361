"""The journal of a migration: a second run continues where the first one ended, and repeats nothing.

Before a step that changes something, its intent is written and brought to the disk; after it, its result. A run that
ended in between, however it ended, leaves an intent without a result. The next run then looks at what the CLI has,
before it does anything: a step that was done is noted as done, one that was not is done now, and where that cannot be
known, the step is reported and left alone.

The file holds JSON lines: one that says whose journal it is, then `{"step": …, "intent": {…}}` and
`{"step": …, "state": "done", …}`. It names contacts and groups by their numbers, and holds no text of a message. It is
readable for its owner only, and locked while a run uses it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import filelock

from simplex_sync.errors import CommandError, CommandTimeout, InvalidArgument, OutcomeUnknown

Facts = dict[str, Any]

DONE, REFUSED, DOUBTFUL = "done", "refused", "doubtful"


class JournalError(Exception):
    """The journal cannot be used for this run; the message says why and what to do."""


class Doubt(Exception):
    """It cannot be known whether a step was done; the message says why."""


class Result(NamedTuple):
    """What became of a step.

    Attributes:
        state: `done`, `refused` (it had no effect; a later run tries it again) or `doubtful` (nobody knows).
        facts: What the step has given, such as the number of a new group; the reason where it was not done.
        now: Whether it was done in this run.
    """

    state: str
    facts: Facts
    now: bool = False

    @property
    def reason(self) -> str:
        """Why the step was not done, or an empty string."""
        return str(self.facts.get("reason", ""))


class Journal:
    """The journal in one file; use it in a `with` statement.

    Args:
        path: The file; it is made where it is missing.
        tool: The name of the script.
        subject: What this migration is about. The journal of another one is refused, so that its steps are not taken
            for steps of this one.

    Raises:
        JournalError: The file belongs to something else, is damaged, or is in use by another run.
    """

    def __init__(self, path: Path, tool: str, subject: Facts) -> None:
        self.path = path
        self._head = {"journal": tool, "version": 1, "subject": subject}
        self._intents: dict[str, Facts] = {}
        self._results: dict[str, Result] = {}
        self._lock = filelock.FileLock(f"{path}.lock", mode=0o600)
        self._descriptor = -1

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise JournalError(f"the journal {self.path} is in use by another run") from None
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._read()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._lock.release()

    def _read(self) -> None:
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            # The run was killed in the middle of a line: of an intent, which never began, or of a result, which is
            # looked for now.
            os.ftruncate(self._descriptor, len(whole))
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
        except ValueError:
            raise JournalError(f"{self.path} is no journal, or it is damaged; name another file") from None
        if not lines:
            self._write(self._head)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # so that the name of the file is on the disk as well
            finally:
                os.close(folder)
            return
        if lines[0] != json.loads(json.dumps(self._head)):
            raise JournalError(
                f"{self.path} is the journal of another migration: name another file, or delete it to begin anew"
            )
        try:
            for line in lines[1:]:
                self._take(line)
        except (KeyError, TypeError):
            raise JournalError(f"{self.path} is damaged; name another file") from None

    def _take(self, line: Facts) -> None:
        step = line["step"]
        if "intent" in line:
            self._intents[step] = line["intent"]
            self._results.pop(step, None)
        else:
            self._results[step] = Result(line["state"], line["facts"])

    def _write(self, line: Facts) -> None:
        data = json.dumps({**line, "at": _now()} if "step" in line else line, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]
        os.fsync(self._descriptor)

    def result(self, step: str) -> Result | None:
        """Return what became of a step in this run or an earlier one, or None where that is not known."""
        return self._results.get(step)

    def intent(self, step: str) -> Facts | None:
        """Return what was noted when a step was last begun, or None where it never was.

        Args:
            step: The name of the step.
        """
        return self._intents.get(step)

    def note(self, step: str, state: str, facts: Facts, *, now: bool = False) -> Result:
        """Write down what became of a step, and return it.

        Args:
            step: The name of the step.
            state: `done`, `refused` or `doubtful`.
            facts: What is to be remembered of it.
            now: Whether it was done in this run.
        """
        self._write({"step": step, "state": state, "facts": facts})
        self._results[step] = Result(state, facts, now)
        return self._results[step]

    def do(
        self,
        step: str,
        act: Callable[[], Facts],
        look: Callable[[Facts], Facts | None],
        **intent: Any,
    ) -> Result:
        """Do a step, unless it was done before.

        Args:
            step: The name of the step.
            act: Does it, and returns what is to be remembered of it.
            look: Asks the CLI whether the step was done, after a run that ended in the middle of it: takes the intent,
                returns what `act` would have returned, or None where it was not done; raises `Doubt` where it cannot be
                known.
            **intent: What `look` needs to know about the time before the step.

        Returns:
            What became of it. A step that the CLI refused, or did not answer in time, is no exception here.
        """
        known = self._results.get(step)
        if known is not None and known.state == DONE:
            return known
        if step in self._intents:
            try:
                found = look(self._intents[step])
            except Doubt as doubt:
                return self.note(step, DOUBTFUL, {"reason": str(doubt)})
            if found is not None:
                return self.note(step, DONE, found)
        self._write({"step": step, "intent": intent})
        self._intents[step] = intent
        try:
            facts = act()
        except (CommandError, InvalidArgument) as error:
            return self.note(step, REFUSED, {"reason": getattr(error, "error", None) or str(error)})
        except (OutcomeUnknown, CommandTimeout):
            # Whether it was done is a question for the next run: then nothing of it can be under way any more.
            return self.note(step, DOUBTFUL, {"reason": "the CLI gave no answer; run the script again"})
        return self.note(step, DONE, facts, now=True)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
