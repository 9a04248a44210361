"""`Message` and `SentMessage`: a chat item together with the client that can answer it."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from simplex_sync._conversation.chats import ref_of_chat
from simplex_sync._conversation.delivery import wait_for_status
from simplex_sync._internal.wire import shown_tag
from simplex_sync.api import types
from simplex_sync.errors import ClientClosed, CommandError, InvalidArgument

if TYPE_CHECKING:
    import os

    from simplex_sync._conversation.transfers import FileTransfer
    from simplex_sync._conversation.verbs import Verbs

__all__ = ["CommandCall", "Message", "SentMessage"]

_COMMAND = re.compile(r"/([^\W_][\w-]*)(?:\s+(.*))?\s*\Z", re.DOTALL)
_VARIATION_SELECTOR = "\N{VARIATION SELECTOR-16}"


class CommandCall(NamedTuple):
    """A message of the form `/name args`.

    Attributes:
        name: The name of the command, without the slash.
        args: What follows it, without spaces around; empty where nothing does.
    """

    name: str
    args: str


def _shown_type(record: object) -> str:
    """Return the type of a record for a repr or an error; what came in its place may have none."""
    return shown_tag(getattr(record, "tag", ""))


class Message:
    """A chat item, received or one's own, with the client that can answer it.

    Attributes:
        record: The whole record, `types.AChatItem`.
    """

    def __init__(self, client: Verbs | None, record: types.AChatItem) -> None:
        self._client = client
        self.record = record

    @property
    def _verbs(self) -> Verbs:
        if self._client is None:
            raise ClientClosed("Message: this message was copied out of its process, so it has no client")
        return self._client

    @property
    def item(self) -> types.ChatItem:
        """The record of the chat item alone."""
        return self.record.chat_item

    @property
    def id(self) -> int:
        """The number of the chat item; it rises from item to item of a database."""
        return self.item.meta.item_id

    @property
    def content(self) -> types.MsgContent | types.CIContent:
        """What was sent, as a record: a MsgContent, or the CIContent of what is no message."""
        content: types.MsgContent | types.CIContent | None = getattr(self.item.content, "msg_content", None)
        return self.item.content if content is None else content

    @property
    def text(self) -> str:
        """The text, without markup taken out; what the CLI made up for what is no message."""
        text = getattr(self.content, "text", None)
        if not isinstance(text, str):
            text = self.item.meta.item_text
        return text if isinstance(text, str) else ""

    @property
    def is_message(self) -> bool:
        """Whether somebody wrote it; otherwise it tells of an event, a feature, a call, or of encryption."""
        return isinstance(self.item.content, (types.CIContentRcvMsgContent, types.CIContentSndMsgContent))

    @property
    def is_own(self) -> bool:
        """Whether the user sent it, or it tells of what the user did."""
        return str(getattr(self.item.chat_dir, "tag", "")).endswith("Snd")

    @property
    def is_group(self) -> bool:
        """Whether it is in a group (or a business chat, which is one)."""
        return isinstance(self.record.chat_info, types.ChatInfoGroup)

    @property
    def chat(self) -> types.Contact | types.GroupInfo | types.NoteFolder:
        """The contact or the group in whose chat it is; for one's own notes, their folder."""
        info = self.record.chat_info
        if isinstance(info, types.ChatInfoDirect):
            return info.contact
        if isinstance(info, types.ChatInfoGroup):
            return info.group_info
        if isinstance(info, types.ChatInfoLocal):
            return info.note_folder
        raise InvalidArgument(f"Message.chat: messages cannot be in a chat of type {_shown_type(info)}")

    @property
    def chat_ref(self) -> types.ChatRef:
        """The reference of the chat, for the methods that take one."""
        ref = ref_of_chat(self.record.chat_info)
        if ref is None:
            raise InvalidArgument(
                f"Message.chat_ref: no messages in a chat of type {_shown_type(self.record.chat_info)}"
            )
        return ref

    @property
    def sender(self) -> types.Contact | types.GroupMember | types.GroupInfo | types.User:
        """Who sent it: the contact, the group member, the user; the group where it speaks for itself."""
        direction = self.item.chat_dir
        if isinstance(direction, types.CIDirectionGroupRcv):
            return direction.group_member
        chat = self.chat
        if self.is_own or isinstance(chat, types.NoteFolder):
            return self._verbs.user
        return chat

    @property
    def sent_at(self) -> datetime.datetime:
        """When it was sent, as the server or the user's own clock said; aware, in UTC, to the microsecond."""
        when: object = self.item.meta.item_ts
        return types.UTCTime(when).datetime  # which says so where something else came in its place

    @property
    def file(self) -> types.CIFile | None:
        """The file that comes with it, or None."""
        file = self.item.file
        return file if isinstance(file, types.CIFile) else None

    @property
    def quoted(self) -> types.CIQuote | None:
        """The message that it replies to, or None."""
        quoted = self.item.quoted_item
        return quoted if isinstance(quoted, types.CIQuote) else None

    @property
    def mentions_me(self) -> bool:
        """Whether it mentions the user by name in a group."""
        return self.item.meta.user_mention is True

    @property
    def command(self) -> CommandCall | None:
        """The command that it is, `/name args`, or None.

        A name begins with a letter or digit and has letters, digits, `_` and `-`.
        """
        match = _COMMAND.match(self.text) if self.is_message else None
        return None if match is None else CommandCall(match[1], (match[2] or "").strip())

    def reply(self, text: str | None = None, **options: Any) -> SentMessage:
        """Send an answer that quotes this message, into the same chat (`APISendMessages`).

        Args:
            text: The text.
            options: As for `SimplexChat.send`.

        Returns:
            The message sent.

        Raises:
            InvalidArgument: An argument cannot be right; nothing was sent.
            CommandError: The CLI answered with an error.
        """
        return self._verbs.send(self.chat_ref, text, reply_to=self, **options)

    def react(self, emoji: str, *, remove: bool = False, timeout: float | None = None) -> None:
        """Add a reaction to the message, or take it back (`APIChatItemReaction`).

        Args:
            emoji: One of those that the CLI knows: 👍 👎 😀 😂 😢 ❤ 🚀 ✅.
            remove: Whether to take one's own reaction back.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            InvalidArgument: The CLI does not take this emoji.
            CommandError: The CLI answered with another error.
        """
        if not isinstance(emoji, str) or len(emoji.removesuffix(_VARIATION_SELECTOR)) != 1:
            raise InvalidArgument("react: emoji must be one emoji, such as '👍'", argument="emoji")
        reaction = types.MsgReactionEmoji(emoji=emoji.removesuffix(_VARIATION_SELECTOR))
        verbs = self._verbs
        try:
            verbs.api_chat_item_reaction(self.chat_ref, self.id, add=not remove, reaction=reaction, timeout=timeout)
        except CommandError as error:
            if error.error != "error.commandError":
                raise
            raise InvalidArgument(
                "react: the CLI does not take this emoji; it takes 👍 👎 😀 😂 😢 ❤ 🚀 ✅", argument="emoji"
            ) from error

    def delete(self, for_everyone: bool = False, timeout: float | None = None) -> None:
        """Delete the message (`APIDeleteChatItem`; of a group member, for everyone: `APIDeleteMemberChatItem`).

        Args:
            for_everyone: Whether the others lose it too. Of received messages that is possible in groups only, for
                moderators.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            InvalidArgument: A contact's message cannot be deleted for everyone; nothing was sent.
            CommandError: The CLI answered with an error, such as a role that does not suffice.
        """
        verbs, ref = self._verbs, self.chat_ref
        if for_everyone and not self.is_own:
            if not self.is_group:
                raise InvalidArgument(
                    "delete: a contact's message can be deleted for oneself only", argument="for_everyone"
                )
            verbs.api_delete_member_chat_item(ref.chat_id, [self.id], timeout=timeout)
            return
        mode = types.CIDeleteMode.BROADCAST if for_everyone else types.CIDeleteMode.INTERNAL
        answer = verbs.api_delete_chat_item(ref, [self.id], delete_mode=mode, timeout=timeout)
        if not answer.chat_item_deletions:
            # What the CLI answers to numbers that it does not know, so this is no success either.
            raise InvalidArgument(f"delete: the chat item {self.id} is not there any more", argument="id")

    def download(
        self,
        to: str | os.PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        approved_relays: bool = False,
        encrypt: bool = False,
        timeout: float | None = None,
    ) -> FileTransfer[Message]:
        """Start to receive the file of this message (`ReceiveFile`).

        Args:
            to: Where to put it: a folder, or the path of the file. Default: the client's folder for files. In a folder
                it gets the name that was offered, made harmless, and a number where that name is taken.
            overwrite: Whether an existing file may be replaced by it; only for the path of a file.
            approved_relays: Whether servers that the user has not chosen may be used; they see the user's IP address.
            encrypt: Whether the CLI encrypts the file on disk; the key is in the record `FileTransfer.crypto_args`.
            timeout: How long the answer may take, in seconds; not the transfer. Default: the client's timeout.

        Returns:
            The transfer; call its `wait()`.

        Raises:
            InvalidArgument: There is no file, or the target exists already; nothing was sent.
            TransferError: The file cannot be received.
        """
        return self._verbs._download(self, to, overwrite, approved_relays, encrypt, timeout)

    def __getstate__(self) -> dict[str, Any]:
        # A client cannot go to another process, or into a file.
        return {**self.__dict__, "_client": None}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self._client is other._client and self.record == other.record

    def __hash__(self) -> int:
        return hash((id(self._client), self.id))

    def __repr__(self) -> str:
        content = self.content
        sign = "#" if self.is_group else "@"
        name = getattr(getattr(self.record.chat_info, "contact", None), "local_display_name", None)
        if self.is_group:
            name = getattr(getattr(self.record.chat_info, "group_info", None), "local_display_name", None)
        where = f" in {sign + name!r:.40}" if isinstance(name, str) else ""
        kind = _shown_type(content)
        return f"<{type(self).__name__} {self.id}{where}, {kind}, {'sent' if self.is_own else 'received'}>"


class SentMessage(Message):
    """A message that was handed to the CLI, which sends it as soon as it can."""

    def wait_sent(self, timeout: float | None = None) -> SentMessage:
        """Wait until the message has reached the servers, of a group's message for all members.

        Args:
            timeout: How long to wait, in seconds. Default: the client's timeout.

        Returns:
            The message itself.

        Raises:
            DeliveryError: It could not be sent; `reason` says why.
            EventTimeout: It was not sent in time; it is on its way still.
        """
        return self._wait("wait_sent", 2, timeout)

    def wait_delivered(self, timeout: float | None = None, *, everyone: bool = True) -> SentMessage:
        """Wait until the other side's receipt has come.

        A contact or member who has switched receipts off sends none, and large groups have none.

        Args:
            timeout: How long to wait, in seconds. Default: the client's timeout.
            everyone: In a group, whether all members must have received it; otherwise one is enough.

        Returns:
            The message itself.

        Raises:
            DeliveryError: It could not be sent; `reason` says why.
            EventTimeout: No receipt came in time.
        """
        return self._wait("wait_delivered", 4 if everyone else 3.5, timeout)

    def _wait(self, method: str, least: float, timeout: float | None) -> SentMessage:
        from simplex_sync._internal.deadline import check_timeout

        verbs = self._verbs
        seconds = verbs.timeout if timeout is None else check_timeout(method, timeout)
        self.item.meta.item_status = wait_for_status(verbs, method, self.chat_ref, self.id, least, seconds)
        return self

    @property
    def status(self) -> types.CIStatus:
        """The status as last seen by `wait_sent` or `wait_delivered`."""
        return self.item.meta.item_status

    def edit(self, text: str, *, live: bool = False, timeout: float | None = None) -> SentMessage:
        """Change the text of the message (`APIUpdateChatItem`); what else it holds stays.

        Args:
            text: The new text.
            live: Whether it is still being written: of a message sent with `live=True`, until its last change.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Returns:
            The message itself.

        Raises:
            InvalidChatItemUpdate: The CLI does not let this message be changed, or not any more.
            InvalidArgument: The text cannot be right; nothing was sent.
        """
        if not isinstance(text, str) or not text:
            raise InvalidArgument("edit: text must be a str that is not empty", argument="text")
        wire = self.content.to_dict()
        wire["text"] = text
        mentions = {name: each.member_id for name, each in (self.item.mentions or {}).items()}
        update = types.UpdatedMessage(msg_content=types.MsgContent.from_dict(wire), mentions=self._member_ids(mentions))
        answer = self._verbs.api_update_chat_item(
            self.chat_ref, self.id, updated_message=update, live_message=live, timeout=timeout
        )
        self.record = answer.chat_item
        return self

    def _member_ids(self, mentions: dict[str, str]) -> dict[str, int]:
        """Return the numbers of the members who are mentioned; the chat item knows them by other ids."""
        if not mentions:
            return {}
        members = self._verbs.members(self.chat_ref)
        numbers = {member.member_id: member.group_member_id for member in members}
        return {name: numbers[member_id] for name, member_id in mentions.items() if member_id in numbers}

    def delete(self, for_everyone: bool = True, timeout: float | None = None) -> None:
        """Delete the message, for everyone where that is still possible (`APIDeleteChatItem`).

        Args:
            for_everyone: Whether the others lose it too; otherwise only one's own copy goes.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            CommandError: The CLI answered with an error.
            InvalidArgument: The message is not there any more.
        """
        super().delete(for_everyone, timeout)
