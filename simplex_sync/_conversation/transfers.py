"""Files on their way: `send_file`, `Message.download`, and `FileTransfer`, which tells how far they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from simplex_sync._conversation.chats import ChatTarget
from simplex_sync._conversation.files import Landing, safe_file_name, same_device, unused_path
from simplex_sync._conversation.message import Message, SentMessage
from simplex_sync._conversation.sending import Sending
from simplex_sync._conversation.showing import progress_bar
from simplex_sync._conversation.transfer_state import TransferState, reason_of_error
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync._internal.failures import retold
from simplex_sync._internal.router import Subscription
from simplex_sync.api import events, responses, types
from simplex_sync.errors import CommandError, EventTimeout, InvalidArgument, TransferError
from simplex_sync.waiting import event_record, understood

if TYPE_CHECKING:
    from simplex_sync._conversation.verbs import Verbs

__all__ = ["FileTransfer", "Progress", "Transfers"]

M = TypeVar("M", bound=Message)

_TAGS = frozenset(
    kind.tag
    for kind in (
        events.ChatError,
        events.ChatItemUpdated,
        events.RcvFileAccepted,
        events.RcvFileComplete,
        events.RcvFileDescrReady,
        events.RcvFileError,
        events.RcvFileProgressXFTP,
        events.RcvFileSndCancelled,
        events.RcvFileStart,
        events.RcvFileWarning,
        events.Reconnected,
        events.SndFileCompleteXFTP,
        events.SndFileError,
        events.SndFileProgressXFTP,
        events.SndFileWarning,
    )
)
_UNREAD = 1_000


class Progress(NamedTuple):
    """How far a file is.

    Attributes:
        done: What was sent or received, in bytes; encrypted and padded, as the servers see it.
        total: The whole, in bytes, counted alike; 0 while it is not known.
    """

    done: int
    total: int


class FileTransfer(Generic[M]):
    """A file on its way to the servers, or from them; made by `send_file` and `Message.download`.

    Whoever sends is done when the servers have the file; when somebody receives it, the CLI does not tell.

    Attributes:
        message: The message that carries the file; of one that is sent, the `SentMessage`.
        path: Where the file is; of one that is received, once it is whole.
        crypto_args: The key of a file that was received with `encrypt=True`, as the record `types.CryptoFileArgs`.
    """

    def __init__(self, client: Verbs, method: str, landing: Landing | None = None) -> None:
        self._client = client
        self._method = method
        self._router = router = client._living_session(method).router
        self._subscription: Subscription = router.subscribe(_TAGS, limit=_UNREAD)
        router.watch(self, self._subscription)
        self._landing = landing
        self._state: TransferState | None = None
        self.message: M
        self.path: Path | None = None
        self.crypto_args: types.CryptoFileArgs | None = None

    def _begin(self, message: M, *, sending: bool) -> FileTransfer[M]:
        file = message.file
        if file is None:
            raise TransferError(f"{self._method}: the CLI's answer has no file", reason="no file")
        self.message = message
        self._state = TransferState(file, sending=sending)
        return self

    @property
    def _known(self) -> TransferState:
        assert self._state is not None
        return self._state

    @property
    def file_id(self) -> int:
        """The CLI's number of the file."""
        return self._known.file_id

    @property
    def sending(self) -> bool:
        """Whether the file is sent; otherwise it is received."""
        return self._known.sending

    @property
    def done(self) -> bool:
        """Whether the file is whole, as last seen by `wait` or `progress`."""
        return self._known.complete

    @property
    def sent(self) -> int:
        """What was sent, in bytes, as last seen by `wait` or `progress`; 0 where the file is received."""
        return self._known.progress[0] if self.sending else 0

    @property
    def received(self) -> int:
        """What was received, in bytes, as last seen by `wait` or `progress`; 0 where the file is sent."""
        return 0 if self.sending else self._known.progress[0]

    @property
    def total(self) -> int:
        """The whole, in bytes, encrypted and padded; 0 while it is not known."""
        return self._known.progress[1]

    def progress(self, timeout: float | None = None) -> Iterator[Progress]:
        """Yield how far the file is, whenever that has changed, until it is whole.

        Args:
            timeout: How long to wait for the next change, in seconds. Default: the client's timeout.

        Yields:
            What is done and the whole, in bytes.

        Raises:
            TransferError: The file cannot be transferred; `reason` says why.
            EventTimeout: Nothing changed for so long.
        """
        seconds = self._client.timeout if timeout is None else check_timeout("progress", timeout)
        last = None
        deadline = Deadline(seconds)
        while True:
            complete = self._known.complete
            now = Progress(*self._known.progress)
            if now != last and (now.total or complete):
                last = now
                yield now
                deadline = Deadline(seconds)  # not after each event: those of other files say nothing of this one
            if complete:
                self._finish("progress")
                return
            self._next("progress", deadline)

    def wait(self, timeout: float | None = None, *, bar: bool = False) -> FileTransfer[M]:
        """Wait until the file is whole: on the servers, or received and in its place.

        Args:
            timeout: How long to wait, in seconds. Default: the client's timeout.
            bar: Whether to show a progress bar (tqdm) in the terminal or the notebook.

        Returns:
            The transfer itself; `path` says where the file is.

        Raises:
            TransferError: The file cannot be transferred; `reason` says why.
            EventTimeout: It was not whole in time; it is on its way still, so wait again or `cancel()`.
        """
        deadline = Deadline(self._client.timeout if timeout is None else check_timeout("wait", timeout))
        if bar:
            self._wait_with_bar(deadline)
        while not self._known.complete:
            self._next("wait", deadline)
        self._finish("wait")
        return self

    def _wait_with_bar(self, deadline: Deadline) -> None:
        what = "sending" if self.sending else "receiving"
        with progress_bar(total=self.total or None, unit="B", unit_scale=True, desc=what) as shown:
            while not self._known.complete:
                self._next("wait", deadline)
                done, total = self._known.progress
                shown.total = total or None
                shown.update(done - shown.n)

    def cancel(self, timeout: float | None = None) -> None:
        """Stop the transfer (`CancelFile`); who waits for it gets a TransferError.

        Args:
            timeout: How long the answer may take, in seconds. Default: the client's timeout.

        Raises:
            FileCancel: It cannot be cancelled any more.
            CommandError: The CLI answered with another error.
        """
        self._client.cancel_file(self.file_id, timeout=timeout)
        self._known.failed = self._known.failed or "cancelled"
        landing = self._landing
        path = None if landing is None or self._known.complete else landing.path
        if landing is not None and landing.target is None:
            path = None  # somebody else's CLI, whose files need not be those that are seen here
        # The CLI makes an empty file at once, and leaves it there.
        if path is not None and path.is_file() and path.stat().st_size == 0:
            path.unlink(missing_ok=True)

    def _next(self, method: str, deadline: Deadline) -> None:
        """Take in the next event, or raise."""
        state = self._known
        if state.failed:
            raise TransferError(
                f"{method}: the file {self.file_id} is not transferred: {state.failed}",
                reason=state.failed,
                file_id=self.file_id,
            )
        subscription = self._subscription
        frame = subscription.peek(deadline)
        if frame is not None:
            record = event_record(frame)
            if isinstance(record, events.Reconnected):
                self._look(deadline)
            else:
                understood(frame, state.take)
            subscription.read += 1
        elif subscription.lost():
            self._look(deadline)
            subscription.read += subscription.lost()
        elif subscription.error is not None and not deadline.passed:
            raise retold(method, subscription.error)
        else:
            raise EventTimeout(
                f"{method}: the file {self.file_id} was not whole in {deadline.seconds} seconds; it is "
                "on its way still",
                seconds=deadline.seconds,
            )

    def _look(self, deadline: Deadline) -> None:
        """Learn from the CLI how far the file is, after events may have been lost."""
        page = types.ChatPaginationAround(item_id=self.message.id, count=1)
        answer = self._client.api_get_chat(
            self.message.chat_ref, page, timeout=deadline.at_most(self._client.timeout or 60.0) or 0.01
        )
        for item in answer.chat.chat_items:
            if item.meta.item_id == self.message.id and item.file is not None:
                self._known.take_file(item.file)

    def _finish(self, method: str) -> None:
        """Put a file that was received in its place, once."""
        if self.path is not None:
            return
        source = self._known.source
        if source is None:
            return
        self.crypto_args = source.crypto_args
        path = Path(source.file_path)
        folder = self._client.files_folder
        if not path.is_absolute() and folder is not None:
            path = folder / path
        if self._landing is not None:
            try:
                path = self._landing.finish(path)
            except OSError as error:
                # Without the paths that the error names: the other side has chosen the name.
                cause = OSError(error.errno, error.strerror)
                raise TransferError(
                    f"{method}: the file {self.file_id} was received, but cannot be put in its place: "
                    f"{error.strerror}; it is in the folder for files",
                    reason="no space" if error.errno == 28 else "cannot be put in its place",
                    file_id=self.file_id,
                ) from cause
        self.path = path
        self._router.forget(self._subscription)

    def __repr__(self) -> str:
        state = self._state
        if state is None:
            return f"<FileTransfer, {self._method}, not begun>"
        done, total = state.progress
        how_far = state.failed or ("whole" if state.complete else f"{done} of {total} bytes")
        return f"<FileTransfer {state.file_id}, {self._method}, {how_far}>"


class Transfers(Sending):
    """`send_file`, and what `Message.download` does."""

    def send_file(
        self,
        to: ChatTarget,
        path: str | os.PathLike[str],
        text: str | None = None,
        *,
        reply_to: Message | int | None = None,
        ttl: int | None = None,
        timeout: float | None = None,
    ) -> FileTransfer[SentMessage]:
        """Send a file (`APISendMessages`) and follow its way to the servers.

        Args:
            to: The chat, as for `send`.
            path: The file.
            text: A text that goes with it.
            reply_to: The message to quote, or the number of its item.
            ttl: After how many seconds the message disappears for both sides. Default: as the chat is set.
            timeout: How long the answer may take, in seconds; not the transfer. Default: the client's timeout.

        Returns:
            The transfer; call its `wait()`, or look at its `message`.

        Raises:
            InvalidArgument: There is no such file or chat; nothing was sent.
            CommandError: The CLI answered with an error.
        """
        transfer: FileTransfer[SentMessage] = FileTransfer(cast("Verbs", self), "send_file")
        message = self.send(to, text, file=path, reply_to=reply_to, ttl=ttl, timeout=timeout)
        transfer.path = Path(os.fspath(path)).absolute()
        return transfer._begin(message, sending=True)

    def _download(
        self,
        message: Message,
        to: str | os.PathLike[str] | None,
        overwrite: bool,
        approved_relays: bool,
        encrypt: bool,
        timeout: float | None,
    ) -> FileTransfer[Message]:
        file = message.file
        if file is None:
            raise InvalidArgument("download: the message has no file", argument="message")
        if message.is_own:
            raise InvalidArgument("download: the file is one's own", argument="message")
        if self.files_folder is None:
            landing = Landing(None if to is None else Path(os.fspath(to)), None)
        else:
            landing = _landing(self.files_folder, file.file_name, to, overwrite)
        transfer: FileTransfer[Message] = FileTransfer(cast("Verbs", self), "download", landing)
        try:
            answer: Any = self.receive_file(
                file.file_id,
                user_approved_relays=approved_relays,
                store_encrypted=encrypt,
                file_path=None if landing.path is None else str(landing.path),
                timeout=timeout,
            )
        except CommandError as error:
            raise _not_received(error, file.file_id) from error
        if isinstance(answer, responses.RcvFileAcceptedSndCancelled):
            reason = "cancelled by sender"
            raise TransferError(f"download: the file {file.file_id} was {reason}", reason=reason, file_id=file.file_id)
        return transfer._begin(Message(cast("Verbs", self), answer.chat_item), sending=False)


def _not_received(error: CommandError, file_id: int) -> TransferError | InvalidArgument:
    if error.tag == "fileAlreadyExists":
        return InvalidArgument("download: a file of that name came into being meanwhile", argument="to")
    reason = reason_of_error(error.error)
    return TransferError(f"download: the file {file_id} cannot be received: {reason}", reason=reason, file_id=file_id)


def _landing(files_folder: Path, offered: str, to: Any, overwrite: bool) -> Landing:
    """Decide where a download goes.

    Raises:
        InvalidArgument: Something is there already, or its folder is not.
    """
    if to is not None and not isinstance(to, (str, os.PathLike)):
        raise InvalidArgument(f"download: to must be a path, not {type(to).__name__}", argument="to")
    folder = files_folder.absolute() if to is None else Path(os.fspath(to)).absolute()
    if to is None or folder.is_dir():
        target = unused_path(folder, safe_file_name(offered))
    else:
        target, folder = folder, folder.parent
        if not folder.is_dir():
            raise InvalidArgument(f"download: the folder of {target.name!r} does not exist", argument="to")
        if os.path.lexists(target) and (not overwrite or not target.is_file() or target.is_symlink()):
            raise InvalidArgument(
                f"download: {target.name!r} exists already; give another path, or overwrite=True for a file",
                argument="to",
            )
    if not os.path.lexists(target) and same_device(files_folder, folder):
        return Landing(target, target)
    # The CLI cannot replace a file, nor move one to another file system: it comes beside the others first.
    return Landing(files_folder.absolute() / f"{os.urandom(8).hex()}.part", target, overwrite=overwrite)
