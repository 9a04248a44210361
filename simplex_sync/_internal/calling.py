"""Handing commands over and waiting for their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync._internal.failures import command_error, retold
from simplex_sync._internal.router import Slot
from simplex_sync._internal.session import Session
from simplex_sync.api import responses
from simplex_sync.api.methods import Methods
from simplex_sync.api.types import User
from simplex_sync.errors import (
    CommandTimeout,
    ConnectionLost,
    InvalidArgument,
    NetworkError,
    OutcomeUnknown,
    SimplexError,
)
from simplex_sync.retrying import commands_policy, may_repeat

if TYPE_CHECKING:
    import tenacity

    from simplex_sync.api import commands

__all__ = ["Calls"]


class Calls(Methods):
    """The part of a client that sends commands.

    Attributes:
        timeout: How long a call may take where it says nothing else, in seconds; None means for ever.
    """

    timeout: float | None
    _retry: tenacity.Retrying | None
    _cli_version: str | None
    _user: User | None

    def _living_session(self, method: str) -> Session:
        """Return the session, or raise the error that says in the name of a method why there is none."""
        raise NotImplementedError

    def execute(self, command: commands.Command, timeout: float | None = None) -> responses.Response:
        """Send a command and return the answer.

        Args:
            command: An object of `simplex_sync.commands`.
            timeout: How long to wait, in seconds. Default: the client's timeout.

        Returns:
            The record of the response.

        Raises:
            CommandError: The CLI answered `chatCmdError`.
            InvalidArgument: The command cannot be right; nothing was sent.
            CommandTimeout: No answer came in time; the outcome is unknown.
            OutcomeUnknown: The connection was lost meanwhile; the outcome is unknown.
            ConnectionLost: The client is closed or not started, or its CLI is gone.
        """
        method = command.method_name
        text = command.command_string(self._cli_version)
        return self._call(
            method, command.documented_name, text, timeout, only_reads=command.only_reads, repeatable=command.repeatable
        )

    def send_command(self, text: str, timeout: float | None = None) -> responses.Response:
        """Send any command string and return the answer.

        Args:
            text: The command, such as `"/_show_address 1"`. It is sent as it is and never sent twice.
            timeout: How long to wait, in seconds. Default: the client's timeout.

        Returns:
            The record of the response; `UnknownResponse` with `.tag` and `.raw` where its tag is not documented.

        Raises:
            CommandError: The CLI answered `chatCmdError`.
            InvalidArgument: It is no text.
            CommandTimeout: No answer came in time; the outcome is unknown.
            OutcomeUnknown: The connection was lost meanwhile; the outcome is unknown.
            ConnectionLost: The client is closed or not started, or its CLI is gone.
        """
        if not isinstance(text, str):
            raise InvalidArgument(f"send_command: text must be a string, not {type(text).__name__}", argument="text")
        return self._call("send_command", "send_command", text, timeout, only_reads=False, repeatable=False)

    def _call(
        self, method: str, name: str, text: str, timeout: float | None, *, only_reads: bool, repeatable: bool
    ) -> responses.Response:
        deadline = Deadline(self.timeout if timeout is None else check_timeout(method, timeout))
        failed: SimplexError | None = None
        try:
            return self._call_once(method, name, text, deadline, only_reads)
        except (ConnectionLost, NetworkError) as error:
            if not may_repeat(error, only_reads=only_reads, repeatable=repeatable):
                raise
            failed = error

        # tenacity costs as much as a short command, so it comes in only after a failure, which it is told first.
        def attempt() -> responses.Response:
            nonlocal failed
            error, failed = failed, None
            if error is not None:
                raise error
            return self._call_once(method, name, text, deadline, only_reads)

        return commands_policy(self._retry, deadline, only_reads=only_reads, repeatable=repeatable)(attempt)

    def _call_once(self, method: str, name: str, text: str, deadline: Deadline, only_reads: bool) -> responses.Response:
        session = self._living_session(method)
        try:
            slot = session.router.make_slot(text)
        except UnicodeEncodeError:
            slot = None  # that error holds the text, so it must not become part of ours
        if slot is None:
            raise InvalidArgument(f"{method}: the text holds half of a surrogate pair", argument="text")
        try:
            self._open(method, session, slot)
            session.channel.send(slot)
            ended = slot.wait(deadline)
        except BaseException:
            session.router.abandon(slot)
            session.channel.wake()  # which sends the rest of a frame that was begun
            raise
        if not ended:
            session.router.abandon(slot)
            outcome = "the outcome is unknown" if slot.handed_over else "nothing was sent"
            raise CommandTimeout(
                f"{method}: no answer in {deadline.seconds} seconds; {outcome}", seconds=deadline.seconds, command=name
            )
        if slot.error is not None:
            raise self._lost(method, name, slot.error, slot.handed_over and not only_reads) from slot.error
        assert slot.frame is not None
        return self._response(method, name, slot.frame)

    @staticmethod
    def _open(method: str, session: Session, slot: Slot) -> None:
        try:
            session.router.register(slot)
        except ConnectionLost as error:
            raise retold(method, error) from error

    @staticmethod
    def _lost(method: str, name: str, error: SimplexError, unknown: bool) -> SimplexError:
        if unknown:
            return OutcomeUnknown(
                f"{method}: the connection to the CLI was lost before the answer came; whether the command took effect "
                "is unknown, and it was not sent again",
                command=name,
            )
        return retold(method, error)

    def _response(self, method: str, name: str, frame: Frame) -> responses.Response:
        decoded = frame.decoded(responses.decode)
        if decoded is None:
            raise OutcomeUnknown(f"{method}: the CLI's answer could not be read", command=name)
        body, record = decoded
        if isinstance(record, responses.ChatCmdError):
            wire = body.get("chatError")
            raise command_error(method, name, wire if isinstance(wire, dict) else {}, record.chat_error)
        user = getattr(record, "user", None)
        if isinstance(user, User) and user.active_user is True:
            self._user = user
        return record

    def _user_id(self, user_id: int | None) -> int:
        if user_id is not None:
            return user_id
        self._living_session("user_id")
        assert self._user is not None
        return self._user.user_id
