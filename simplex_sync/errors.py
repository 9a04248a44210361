"""Everything that this package raises.

::

    SimplexError
    ├ StartError                     the CLI could not be brought to the point where it takes commands
    │ ├ ExecutableNotFound
    │ ├ StartTimeout
    │ ├ DatabaseInUse                (pid of the client that holds it)
    │ ├ DatabaseKeyError
    │ ├ InvalidDisplayName           (also a CommandError)
    │ └ CliExited                    (exit status, last lines of its output)
    ├ ConnectionLost
    │ ├ ChildExited
    │ ├ OutcomeUnknown
    │ ├ ClientClosed
    │ └ ForkedClient
    ├ CommandError                   (command, chat_error, error: the path of tags)
    │ ├ NetworkError                 those that pass
    │ └ UserExists, ChatNotStarted, InvalidChatItemUpdate, FileCancel, GroupMemberNotActive, GroupMemberNotFound
    ├ InvalidArgument                (also ValueError) found before anything was sent
    ├ Timeout                        (also TimeoutError)
    │ ├ CommandTimeout
    │ └ EventTimeout                 (tags seen meanwhile)
    ├ EventsLost                     (count)
    ├ InstallError                   (version, asset) the CLI could not be installed
    ├ TransferError                  (reason)
    └ DeliveryError                  (reason)
      └ SendInterrupted              (sent, unknown, not_sent)

Messages start with the name of the method that was called, and never hold message text, keys, links or passwords.
The facts are attributes, and every error can be pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = [
    "ChatNotStarted",
    "ChildExited",
    "CliExited",
    "ClientClosed",
    "CommandError",
    "CommandTimeout",
    "ConnectionLost",
    "DatabaseInUse",
    "DatabaseKeyError",
    "DeliveryError",
    "EventTimeout",
    "EventsLost",
    "ExecutableNotFound",
    "FileCancel",
    "ForkedClient",
    "GroupMemberNotActive",
    "GroupMemberNotFound",
    "InstallError",
    "InvalidArgument",
    "InvalidChatItemUpdate",
    "InvalidDisplayName",
    "NetworkError",
    "OutcomeUnknown",
    "SendInterrupted",
    "SimplexError",
    "StartError",
    "StartTimeout",
    "Timeout",
    "TransferError",
    "UserExists",
]


class SimplexError(Exception):
    """The base of everything that this package raises.

    Args:
        message: What happened, in which call, and what to do. Starts with the name of the method.
    """

    # Errors are made again from `args` and then filled from their attributes when unpickled, so every subclass
    # takes its facts as keywords that may be left out.
    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class StartError(SimplexError):
    """The CLI could not be brought to the point where it takes commands.

    Attributes:
        output: The last lines that the CLI printed, with command texts and secrets taken out.
        exit_status: The exit status of the CLI (negative: the number of the signal that ended it), or None where it
            had not ended.
    """

    output: str
    exit_status: int | None

    def __init__(self, message: str = "", *, output: str = "", exit_status: int | None = None) -> None:
        super().__init__(message)
        self.output = output
        self.exit_status = exit_status


class ExecutableNotFound(StartError):
    """No `simplex-chat` program was found where it was looked for."""


class StartTimeout(StartError):
    """The CLI lives, but did not open its port in the time that it was given."""


class DatabaseInUse(StartError):
    """Another client uses the database; two CLIs on one database damage each other's view.

    Attributes:
        database: The prefix of the database files.
        pid: The process that holds the database, or None where it could not be learned.
    """

    database: str
    pid: int | None

    def __init__(self, message: str = "", *, database: str = "", pid: int | None = None) -> None:
        super().__init__(message)
        self.database = database
        self.pid = pid


class DatabaseKeyError(StartError):
    """The database key is wrong or missing, or the file is not a database."""


class CliExited(StartError):
    """The CLI ended during start-up."""


class ConnectionLost(SimplexError):
    """The connection to the CLI was lost before the answer came."""


class ChildExited(ConnectionLost):
    """The CLI ended.

    Attributes:
        exit_status: Its exit status (negative: the number of the signal that ended it), or None where it is not known.
        output: The last lines that it printed, with command texts and secrets taken out.
    """

    exit_status: int | None
    output: str

    def __init__(self, message: str = "", *, exit_status: int | None = None, output: str = "") -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.output = output


class OutcomeUnknown(ConnectionLost):
    """The connection was lost after a command was handed over: it may or may not have taken effect.

    The command was not sent again, since that could double its effect. Look at the state before trying again.

    Attributes:
        command: The documented name of the command.
    """

    command: str

    def __init__(self, message: str = "", *, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class ClientClosed(ConnectionLost):
    """The client is closed, or was never started."""


class ForkedClient(ConnectionLost):
    """A client was used in a process that was forked from the one that started it."""


class CommandError(SimplexError):
    """The CLI answered a command with an error (`chatCmdError`).

    Attributes:
        command: The documented name of the command.
        chat_error: The record `types.ChatError` that came, or None.
        error: The path of the error's tags, such as `"errorStore.userContactLinkNotFound"`.
    """

    command: str
    chat_error: Any
    error: str

    def __init__(self, message: str = "", *, command: str = "", chat_error: Any = None, error: str = "") -> None:
        super().__init__(message)
        self.command = command
        self.chat_error = chat_error
        self.error = error

    @property
    def tag(self) -> str:
        """The last tag of `error`, such as `"userContactLinkNotFound"`."""
        return self.error.rpartition(".")[2]


class NetworkError(CommandError):
    """A server could not be reached or did not answer in time: what fails so may pass later."""


class UserExists(CommandError):
    """A user profile of that name exists already."""


class ChatNotStarted(CommandError):
    """The command needs the chat to be started."""


class InvalidChatItemUpdate(CommandError):
    """The chat item cannot be changed: it is not one's own, or not a message, or too old."""


class FileCancel(CommandError):
    """The file transfer cannot be cancelled any more."""


class GroupMemberNotActive(CommandError):
    """The group member is not active."""


class GroupMemberNotFound(CommandError):
    """There is no such member in the group."""


class InvalidDisplayName(StartError, CommandError):
    """The display name of a user profile is missing, or the CLI refuses it.

    Raised at start-up (a StartError) and by `create_active_user` (a CommandError), so it is both.

    Attributes:
        display_name: The name that was refused; empty where none was given.
        suggestion: The name that the CLI would take instead; empty where it made none.
    """

    display_name: str
    suggestion: str

    def __init__(
        self,
        message: str = "",
        *,
        display_name: str = "",
        suggestion: str = "",
        command: str = "",
        chat_error: Any = None,
        error: str = "",
        output: str = "",
    ) -> None:
        SimplexError.__init__(self, message)
        self.display_name = display_name
        self.suggestion = suggestion
        self.command = command
        self.chat_error = chat_error
        self.error = error
        self.output = output
        self.exit_status = None


class InvalidArgument(SimplexError, ValueError):
    """An argument cannot be right; nothing was sent.

    Attributes:
        argument: The name of the argument.
    """

    argument: str

    def __init__(self, message: str = "", *, argument: str = "") -> None:
        super().__init__(message)
        self.argument = argument


class Timeout(SimplexError, TimeoutError):
    """Something did not happen in the time that it was given.

    Attributes:
        seconds: The time that was waited, in seconds.
    """

    seconds: float | None

    def __init__(self, message: str = "", *, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class CommandTimeout(Timeout):
    """A command was not answered in time: it may or may not have taken effect, now or later.

    Attributes:
        command: The documented name of the command.
    """

    command: str

    def __init__(self, message: str = "", *, seconds: float | None = None, command: str = "") -> None:
        super().__init__(message, seconds=seconds)
        self.command = command


class EventTimeout(Timeout):
    """The event did not come in time.

    Attributes:
        tags: The tags of the events that came meanwhile, each once, in the order of their first coming.
    """

    tags: tuple[str, ...]

    def __init__(self, message: str = "", *, seconds: float | None = None, tags: tuple[str, ...] = ()) -> None:
        super().__init__(message, seconds=seconds)
        self.tags = tags


class EventsLost(SimplexError):
    """A stream was not read for so long that its oldest events had to be dropped.

    The stream goes on: what is read next is the oldest event that is still there.

    Attributes:
        count: How many events were dropped since the last read.
    """

    count: int

    def __init__(self, message: str = "", *, count: int = 0) -> None:
        super().__init__(message)
        self.count = count


class InstallError(SimplexError):
    """The `simplex-chat` program could not be installed.

    Attributes:
        version: The version that was to be installed; empty where it was not known yet.
        asset: The name of the release's file; empty where it was not known yet.
    """

    version: str
    asset: str

    def __init__(self, message: str = "", *, version: str = "", asset: str = "") -> None:
        super().__init__(message)
        self.version = version
        self.asset = asset


class TransferError(SimplexError):
    """A file was not transferred.

    Attributes:
        reason: Why, in short: `"cancelled by sender"`, `"relay not approved"`, `"no space"` …
        file_id: The CLI's number of the file, or None where there is none yet.
    """

    reason: str
    file_id: int | None

    def __init__(self, message: str = "", *, reason: str = "", file_id: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.file_id = file_id


class DeliveryError(SimplexError):
    """A message was not sent, or not delivered.

    Attributes:
        reason: Why, in short, as the CLI gave it.
        item_id: The number of the chat item, or None where there is none.
    """

    reason: str
    item_id: int | None

    def __init__(self, message: str = "", *, reason: str = "", item_id: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.item_id = item_id


class SendInterrupted(DeliveryError):
    """Of many messages only a part was handed to the CLI.

    Attributes:
        sent: The messages that were handed over, as `SentMessage`, in order.
        unknown: The numbers (from 0, in the order given) of those of which nobody knows: the answer never came.
        not_sent: The numbers of those that were not handed over.
    """

    def __init__(
        self, message: str = "", *, sent: Sequence[Any] = (), unknown: Sequence[int] = (), not_sent: Sequence[int] = ()
    ) -> None:
        super().__init__(message, reason="interrupted")
        self.sent = list(sent)
        self.unknown = list(unknown)
        self.not_sent = list(not_sent)
