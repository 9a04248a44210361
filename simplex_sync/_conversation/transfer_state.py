"""How far one file is, from the records and events that tell of it."""

from __future__ import annotations

from typing import Any

from simplex_sync._internal.failures import error_path
from simplex_sync._internal.wire import Record, encode, shown_tag
from simplex_sync.api import events, types

__all__ = ["TransferState", "reason_of_error"]

_REASONS = {
    "fileNotApproved": "relay not approved",
    "NOT_APPROVED": "relay not approved",
    "fileCancelled": "cancelled by sender",
    "fileAlreadyReceiving": "already received, or on its way",
    "fileNotFound": "there is no such file",
    "userNotFoundByFileId": "there is no such file",
    "NO_FILE": "the servers do not have the file any more",
    "SIZE": "the file has not the size that was announced",
    "auth": "the servers do not have the file any more",
    "noFile": "the servers do not have the file any more",
    "blocked": "the servers have blocked the file",
}
# What systems say when a disk is full; only words of the system's own are looked for, and nothing of it is passed on.
_NO_SPACE = ("no space left", "resource exhausted", "disk full", "enospc", "disk quota")


def reason_of_error(path: str, details: Any = None) -> str:
    """Return why a file is not transferred, in short.

    Args:
        path: The path of the error's tags.
        details: The record of the error, looked through for a full disk.
    """
    text = str(encode(details)).lower() if isinstance(details, Record) else str(details).lower()
    if any(words in text for words in _NO_SPACE):
        return "no space"
    tags = [shown_tag(tag) for tag in path.split(".") if tag]
    for tag in reversed(tags):
        if tag in _REASONS:
            return _REASONS[tag]
    return ".".join(tags) or "unknown"


class TransferState:
    """How far one file is.

    Attributes:
        file_id: The CLI's number of the file.
        sending: Whether it is sent.
        progress: What is done and the whole, in bytes.
        complete: Whether it is whole.
        failed: Why it will never be whole, or an empty string.
        source: Where the CLI put it, or None while it has not come.
    """

    def __init__(self, file: types.CIFile, *, sending: bool) -> None:
        self.file_id = file.file_id
        self.sending = sending
        self.progress = (0, 0)
        self.complete = False
        self.failed = ""
        self.source: types.CryptoFile | None = None
        self.take_file(file)

    def take(self, event: events.Event) -> None:
        """Take in an event, where it is about this file."""
        if isinstance(event, events.ChatError):
            self._take_error(event.chat_error)
            return
        item = getattr(event, "chat_item", None) or getattr(event, "chat_item_", None)
        file = getattr(item.chat_item, "file", None) if isinstance(item, types.AChatItem) else None
        transfer = getattr(event, "rcv_file_transfer", None) or getattr(event, "file_transfer_meta", None)
        ids = (getattr(file, "file_id", None), getattr(transfer, "file_id", None))
        if self.file_id not in ids:
            return
        if isinstance(event, events.SndFileProgressXFTP):
            self.progress = (event.sent_size, event.total_size)
        elif isinstance(event, events.RcvFileProgressXFTP):
            self.progress = (event.received_size, event.total_size)
        elif isinstance(event, events.RcvFileSndCancelled):
            self.failed = "cancelled by sender"
        elif isinstance(event, events.RcvFileError):
            self.failed = reason_of_error(_tags(event.agent_error), event.agent_error)
        elif isinstance(event, events.SndFileError):
            self.failed = reason_of_error("", event.error_message)
        elif isinstance(event, events.SndFileCompleteXFTP):
            self._completed()
        if isinstance(file, types.CIFile):
            self.take_file(file)

    def take_file(self, file: types.CIFile) -> None:
        """Take in the record of the file."""
        status = file.file_status
        if isinstance(status, types.CIFileStatusSndTransfer):
            self.progress = (status.snd_progress, status.snd_total)
        elif isinstance(status, types.CIFileStatusRcvTransfer):
            if status.rcv_total > 1:  # before the first part is there, the CLI says 0 of 1
                self.progress = (status.rcv_progress, status.rcv_total)
        elif isinstance(status, types.CIFileStatusRcvComplete):
            self.source = file.file_source
            self._completed()
        elif isinstance(status, types.CIFileStatusSndComplete):
            self._completed()
        elif isinstance(status, types.CIFileStatusRcvAborted):
            self.failed = "relay not approved"
        elif isinstance(status, types.CIFileStatusSndCancelled):
            self.failed = self.failed or "cancelled"
        elif isinstance(status, types.CIFileStatusRcvCancelled):
            self.failed = self.failed or "cancelled by sender"
        elif isinstance(status, types.CIFileStatusRcvError):
            self.failed = self.failed or reason_of_error(_tags(status.rcv_file_error), status.rcv_file_error)
        elif isinstance(status, types.CIFileStatusSndError):
            self.failed = self.failed or reason_of_error(_tags(status.snd_file_error), status.snd_file_error)

    def _completed(self) -> None:
        self.complete = True
        self.failed = ""
        self.progress = (self.progress[1], self.progress[1])

    def _take_error(self, error: Any) -> None:
        """Take in an error that came as an event; those that name a file are about it."""
        wire = encode(error) if isinstance(error, Record) else {}
        inner = wire.get("errorType")
        if isinstance(inner, dict) and inner.get("fileId") == self.file_id:
            self.failed = reason_of_error(error_path(wire), error)


def _tags(error: Any) -> str:
    return error_path(encode(error)) if isinstance(error, Record) else ""
