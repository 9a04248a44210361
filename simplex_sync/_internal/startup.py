"""From the first line that the CLI prints to the port on which it takes commands.

Lines are matched loosely, since versions word them differently, and the open port is what decides: it is looked for
among the child's own listening sockets, which also proves that no stranger listens there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NoReturn

import pexpect

from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.process import CliProcess
from simplex_sync.errors import ClientClosed, CliExited, DatabaseKeyError, InvalidDisplayName, StartError, StartTimeout

#: Seconds between two looks at the child's sockets, before and after it has said who the user is.
_SLOW_LOOK, _QUICK_LOOK = 0.05, 0.002
#: Seconds without output after which the words "display name" at the end are taken for the prompt of CLI 7.x.
_QUIET = 0.25
#: Bytes without a prompt after which all but the end is let go.
_FLOOD = 65536
#: Seconds of silence after which the program may be a script that has started the CLI as its own child.
_WRAPPER_LOOK = 0.2

_CURRENT_USER = rb"[Cc]urrent user: ?([^\r\n]*)\r?\n"
_INVALID_NAME = rb"invalid display name: ?([^\r\n]*)\r?\n|display name can't be empty[^\r\n]*\r?\n"
_NAME_PROMPT = rb"(?:\A|\n|\r)[ \t]*display name: ?"
_SELECT_USER = rb"user number[^\r\n]*\): ?"
_QUESTION = rb"\([yY]/[nN]\):? ?"
_PATTERNS = [_CURRENT_USER, _INVALID_NAME, _NAME_PROMPT, _SELECT_USER, _QUESTION]

_BARE_NAME_PROMPT = re.compile(rb"(?<!invalid )\bdisplay name[ \t]*[:>?]?[ \t]*\Z", re.IGNORECASE)
_SUGGESTION = re.compile(r"you could use this one: ?([^\r\n]*)")
_CHOICE = re.compile(r"^\s*(\d+):\s*(.*?)\s*$", re.MULTILINE)
_NOT_A_DATABASE = re.compile(r"ErrorNotADatabase|file is not a database|file is encrypted", re.IGNORECASE)


class Startup:
    """Leads a CLI through its prompts.

    Args:
        process: The child.
        display_name: The user's display name, typed at the first run or picked among several profiles.
        deadline: Until when the port must be open.
        stopped: Says whether to give up.
    """

    def __init__(
        self, process: CliProcess, display_name: str | None, deadline: Deadline, stopped: Callable[[], bool]
    ) -> None:
        self._process = process
        self._name = display_name
        self._deadline = deadline
        self._stopped = stopped
        self._patterns = process.spawn.compile_pattern_list([*_PATTERNS, pexpect.EOF, pexpect.TIMEOUT])
        self._text = ""
        self._typed = False
        self._ready = False
        self._quiet = 0.0
        self._waited = 0.0

    def port(self) -> int:
        """Return the port, once it is open.

        Raises:
            StartError: The CLI ended, asks for something that was not given, or took too long.
        """
        while True:
            if self._stopped():
                raise ClientClosed("start: the client was closed meanwhile")
            ports = self._process.listening_ports(family=self._waited > _WRAPPER_LOOK)
            if ports:
                self._hand_on(self._process.spawn.buffer)
                return ports[0]
            if self._deadline.passed:
                self._hand_on(self._process.spawn.buffer)
                raise StartTimeout(
                    f"start: the CLI did not open its port in {self._deadline.seconds} seconds", output=self._tail()
                )
            self._step(self._deadline.at_most(_QUICK_LOOK if self._ready else _SLOW_LOOK))

    def _step(self, seconds: float) -> None:
        spawn = self._process.spawn
        try:
            found = spawn.expect_list(self._patterns, timeout=seconds)
        except pexpect.ExceptionPexpect:
            # What pexpect says where somebody else took the exit status: another thread, or a program that ignores
            # SIGCHLD.
            if not self._process.poll():
                raise
            self._hand_on(spawn.buffer)
            self._ended()
        self._waited = self._waited + seconds if found > len(_PATTERNS) and self._waited <= _WRAPPER_LOOK else 0.0
        if found < len(_PATTERNS):
            self._quiet = 0.0
            self._hand_on(spawn.before + spawn.after)
        match found:
            case 0:
                self._ready = True
            case 1:
                self._refused()
            case 2:
                self._type_name()
            case 3:
                self._pick_user()
            case 4:
                raise StartError(
                    "start: the CLI asks a question that it should not ask with -y; start it once by hand to see it",
                    output=self._tail(),
                )
            case 5:
                self._hand_on(spawn.before)
                self._ended()
            case _:
                if len(spawn.before) > _FLOOD:
                    self._hand_on(spawn.before[-_FLOOD:-4096])
                    spawn.buffer = spawn.before[-4096:]
                    spawn._before = spawn.buffer_type(spawn.buffer)  # where pexpect keeps all that did not match
                    spawn._before.seek(0, os.SEEK_END)
                self._quiet += seconds
                if self._quiet >= _QUIET and _BARE_NAME_PROMPT.search(spawn.buffer):
                    self._hand_on(spawn.buffer)
                    spawn.buffer = b""
                    self._type_name()

    def _hand_on(self, data: bytes) -> None:
        self._text = (self._text + data.decode("utf-8", "replace"))[-20_000:]
        self._process.tail.feed(data)

    def _tail(self) -> str:
        return self._process.tail.text()

    def _type_name(self) -> None:
        if self._name is None:
            raise InvalidDisplayName(
                "start: the database has no user profile yet, so the CLI asks for a display name: "
                'pass display_name="…" to SimplexChat',
                output=self._tail(),
            )
        if self._typed:
            self._refused()
        self._typed = True
        self._process.spawn.sendline(self._name.encode("utf-8"))

    def _refused(self) -> None:
        # The suggestion is on the next line, and then the CLI would ask for ever.
        self._process.spawn.expect(
            [rb"you could use this one: ?[^\r\n]*\r?\n", pexpect.TIMEOUT, pexpect.EOF], timeout=0.3
        )
        after = self._process.spawn.after
        self._hand_on(self._process.spawn.before + (after if isinstance(after, bytes) else b""))
        match = _SUGGESTION.search(self._text)
        suggestion = match.group(1).strip() if match else ""
        advice = f"; it would take {suggestion!r} instead" if suggestion else ""
        raise InvalidDisplayName(
            f"start: the CLI refuses the display name {self._name!r}{advice}",
            display_name=self._name or "",
            suggestion=suggestion,
            output=self._tail(),
        )

    def _pick_user(self) -> None:
        listed = self._text[self._text.rfind("Select user profile") :]
        choices = {name.split(" (")[0] if " (" in name else name: number for number, name in _CHOICE.findall(listed)}
        number = choices.get(self._name or "")
        if number is None:
            names = ", ".join(repr(name) for name in choices)
            said = "pass display_name= with one of them" if self._name is None else f"none of them is {self._name!r}"
            raise InvalidDisplayName(
                f"start: the database has several user profiles ({names}) and none is active: {said}",
                display_name=self._name or "",
                output=self._tail(),
            )
        self._process.spawn.sendline(number)

    def _ended(self) -> NoReturn:
        self._process.wait(self._deadline.at_most(2.0))
        status = self._process.exit_status
        output = self._tail()
        if _NOT_A_DATABASE.search(self._text):
            raise DatabaseKeyError(
                "start: the database key is wrong or missing (key=…), or the file is not a SimpleX database",
                output=output,
                exit_status=status,
            )
        invalid = re.search(r"invalid display name:? ?([^\r\n]*)", self._text)
        if invalid:
            suggested = _SUGGESTION.search(self._text)
            raise InvalidDisplayName(
                f"start: the CLI refuses the display name {self._name!r}",
                display_name=self._name or "",
                suggestion=suggested.group(1).strip() if suggested else "",
                output=output,
            )
        ended = f"was ended by signal {-status}" if status is not None and status < 0 else f"ended with status {status}"
        if re.search(r"^\s*(?:Usage:|Invalid option|Missing:)", self._text, re.MULTILINE | re.IGNORECASE):
            ended += ": it does not take one of its options (extra_args=)"
        last = output.strip().rpartition("\n")[2] or "nothing"
        raise CliExited(
            f"start: the CLI {ended} before it took commands; it printed last: {last}",
            output=output,
            exit_status=status,
        )
