"""The objects of a conversation: small ones that hold a client and a record.

They are made by the friendly verbs of `SimplexChat`: `send` gives a `SentMessage`, `messages` gives `Message`s,
`send_file` and `Message.download` a `FileTransfer`, `address` an `Address`, `invite` an `Invitation`.
"""

from __future__ import annotations

from simplex_sync._conversation.chats import ChatTarget, Records
from simplex_sync._conversation.handlers import HandlerError
from simplex_sync._conversation.history import HistoryStream
from simplex_sync._conversation.links import Address, GroupLink, Invitation
from simplex_sync._conversation.message import CommandCall, Message, SentMessage
from simplex_sync._conversation.newcomers import ContactRequest, GroupInvitation
from simplex_sync._conversation.receiving import MessageStream
from simplex_sync._conversation.transfers import FileTransfer, Progress

__all__ = [
    "Address",
    "ChatTarget",
    "CommandCall",
    "ContactRequest",
    "FileTransfer",
    "GroupInvitation",
    "GroupLink",
    "HandlerError",
    "HistoryStream",
    "Invitation",
    "Message",
    "MessageStream",
    "Progress",
    "Records",
    "SentMessage",
]
