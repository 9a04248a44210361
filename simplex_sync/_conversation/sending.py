"""Sending: one message, or many in few commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from simplex_sync import api
from simplex_sync._conversation.chats import ChatTarget, Lookups
from simplex_sync._conversation.composing import checked_text, composed, mentioned
from simplex_sync._conversation.message import Message, SentMessage
from simplex_sync._internal.command_arguments import MAX_MESSAGE_BYTES
from simplex_sync._internal.deadline import check_timeout
from simplex_sync.api import types
from simplex_sync.errors import (
    CommandError,
    CommandTimeout,
    ConnectionLost,
    InvalidArgument,
    OutcomeUnknown,
    SendInterrupted,
    SimplexError,
)

if TYPE_CHECKING:
    import os

    from simplex_sync._conversation.verbs import Verbs
    from simplex_sync.api import commands, responses

__all__ = ["Sending"]

#: How many bytes of text go into one command at most; the CLI itself has no limit.
_COMMAND_BYTES = 512 * 1024
_COMPOSED = re.compile(r"composed_messages\[(\d+)\]")


class Sending(Lookups):
    """`send` and `send_many`."""

    def send(
        self,
        to: ChatTarget,
        text: str | None = None,
        *,
        file: str | os.PathLike[str] | None = None,
        image: str | os.PathLike[str] | None = None,
        reply_to: Message | int | None = None,
        ttl: int | None = None,
        live: bool = False,
        mentions: Sequence[str] | None = None,
        link_preview: types.LinkPreview | None = None,
        timeout: float | None = None,
    ) -> SentMessage:
        """Send a message (`APISendMessages`).

        The CLI takes it at once and sends it as soon as it can: see `SentMessage.wait_sent` and `wait_delivered`.

        Args:
            to: A contact, a group, a chat reference, a message (for its chat), or `"@name"` or `"#name"`, a local
                display name.
            text: The text; with a file or a picture, its caption.
            file: The path of a file to send with it; see `send_file` to follow its way.
            image: The path of a picture to send with it. A small one, or any one where Pillow is installed, is seen
                before it was received.
            reply_to: The message to quote, or the number of its item.
            ttl: After how many seconds the message disappears for both sides. Default: as the chat is set.
            live: Whether it will be seen while it is being written: change it by `edit(text, live=True)`, and at the
                end by `edit(text)`.
            mentions: Local display names of group members whom the text mentions as `@name`.
            link_preview: What to show of a link in the text.
            timeout: How long the answer may take, in seconds. Default: the client's timeout.

        Returns:
            The message sent.

        Raises:
            InvalidArgument: An argument cannot be right, the text is too large, or there is no such chat; nothing was
                sent.
            CommandError: The CLI answered with an error.
            OutcomeUnknown: The connection was lost meanwhile: the message may have been sent.
        """
        ref = self._chat_ref("send", to)
        message = composed(
            "send",
            text,
            file=file,
            image=image,
            link_preview=link_preview,
            quoted=self._quoted("send", ref, reply_to),
            mentions=self._mentions("send", ref, text, mentions),
            local=self.files_folder is not None,
        )
        command = api.commands.APISendMessages(send_ref=ref, live_message=live, ttl=ttl, composed_messages=[message])
        found = self._hand_over("send", command, timeout)
        return found[0]

    def _quoted(self, method: str, ref: types.ChatRef, reply_to: Message | int | None) -> int | None:
        if reply_to is None or (isinstance(reply_to, int) and not isinstance(reply_to, bool)):
            return reply_to
        if not isinstance(reply_to, Message):
            raise InvalidArgument(
                f"{method}: reply_to must be a Message or the number of an item, not {type(reply_to).__name__}",
                argument="reply_to",
            )
        there = reply_to.chat_ref
        if (there.chat_type, there.chat_id) != (ref.chat_type, ref.chat_id):
            raise InvalidArgument(f"{method}: reply_to is a message of another chat", argument="reply_to")
        return reply_to.id

    def _mentions(self, method: str, ref: types.ChatRef, text: str | None, mentions: Any) -> dict[str, int]:
        if mentions is None:
            return {}
        if ref.chat_type != types.ChatType.GROUP:
            raise InvalidArgument(f"{method}: only members of a group can be mentioned", argument="mentions")
        return mentioned(method, text, mentions, self.members(ref))

    def _hand_over(self, method: str, command: commands.APISendMessages, timeout: float | None) -> list[SentMessage]:
        try:
            answer = cast("responses.NewChatItems", self.execute(command, timeout=timeout))
        except CommandError as error:
            if error.tag == "largeMsg":
                raise InvalidArgument(
                    f"{method}: the text is larger than the CLI takes: {MAX_MESSAGE_BYTES} bytes in all, and some "
                    "thousand less where the encryption is safe against quantum computers; send it in parts, or as "
                    "a file",
                    argument="text",
                ) from error
            raise
        except InvalidArgument as error:
            raise _in_our_words(method, error) from error
        client = cast("Verbs", self)
        found = [SentMessage(client, item) for item in answer.chat_items]
        if not found:
            raise OutcomeUnknown(
                f"{method}: the CLI took the command, but says nothing of a message", command=command.documented_name
            )
        return found

    def send_many(
        self, to: ChatTarget, texts: Iterable[str], batch: int = 100, *, timeout: float | None = None
    ) -> list[SentMessage]:
        """Send many texts to one chat in few commands (`APISendMessages`).

        All are checked before the first is sent. When something fails halfway, `SendInterrupted` says which were
        handed over; after Ctrl-C it is the cause (`__cause__`) of the KeyboardInterrupt.

        Args:
            to: The chat, as for `send`.
            texts: The texts, in order.
            batch: How many go into one command at most.
            timeout: How long the answer to each command may take, in seconds. Default: the client's timeout.

        Returns:
            The messages sent, one for each text, in order.

        Raises:
            InvalidArgument: An argument cannot be right, or a text is too large; nothing was sent.
            SendInterrupted: Only a part was handed over; its cause says why.
        """
        if isinstance(texts, (str, bytes)):
            raise InvalidArgument("send_many: texts must be a list of texts, not a single one", argument="texts")
        if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
            raise InvalidArgument("send_many: batch must be an int, 1 or more", argument="batch")
        check_timeout("send_many", timeout)
        ref = self._chat_ref("send_many", to)
        messages = [
            composed("send_many", checked_text("send_many", text, f"texts[{index}]"))
            for index, text in enumerate(texts)
        ]
        parts = list(_parts(ref, messages, batch))
        first = 0
        for part in parts:
            self._check("send_many", part, first)
            first += len(part.composed_messages)
        sent: list[SentMessage] = []
        missing: list[int] = []
        done = under_way = 0
        try:
            for part in parts:
                under_way = len(part.composed_messages)
                found = self._hand_over("send_many", part, timeout)
                not_made = _not_among(part.composed_messages, found, done)
                # Nothing is called from here on to the next part: no interrupt comes in between.
                missing += not_made
                sent += found
                done += under_way
                under_way = 0
        except BaseException as error:
            doubtful = not isinstance(error, (CommandError, InvalidArgument)) and _may_have_left(error)
            here = list(range(done, done + under_way))
            later = list(range(done + under_way, len(messages)))
            report = _interrupted(
                len(messages), sent, here if doubtful else [], [*missing, *([] if doubtful else here), *later]
            )
            if isinstance(error, Exception):
                raise report from error
            error.__cause__ = report
            raise
        if missing:
            raise _interrupted(len(messages), sent, [], missing)
        return sent

    def _check(self, method: str, command: commands.APISendMessages, first: int) -> None:
        """Find what cannot be right before anything is sent."""
        try:
            self._living_session(method)
            command.command_string(self.cli_version)
        except InvalidArgument as error:
            raise _in_our_words(method, error, first) from error


def _in_our_words(method: str, error: InvalidArgument, first: int = 0) -> InvalidArgument:
    """Return what a command has found wrong, in the words of the method that was called."""

    def argument(match: re.Match[str]) -> str:
        return "text" if method == "send" else f"texts[{first + int(match[1])}]"

    message = _COMPOSED.sub(argument, str(error).partition(": ")[2])
    return InvalidArgument(f"{method}: {message}", argument=_COMPOSED.sub(argument, error.argument))


def _parts(
    ref: types.ChatRef, messages: Sequence[types.ComposedMessage], batch: int
) -> Iterator[commands.APISendMessages]:
    """Yield commands that hold as many messages as fit."""
    part: list[types.ComposedMessage] = []
    size = 0
    for message in messages:
        weight = len(getattr(message.msg_content, "text", ""))
        if part and (len(part) == batch or size + weight > _COMMAND_BYTES):
            yield api.commands.APISendMessages(send_ref=ref, composed_messages=part)
            part, size = [], 0
        part.append(message)
        size += weight
    if part:
        yield api.commands.APISendMessages(send_ref=ref, composed_messages=part)


def _may_have_left(error: BaseException) -> bool:
    """Return whether a command may have taken effect in spite of an error."""
    if isinstance(error, CommandTimeout):
        return not str(error).endswith("nothing was sent")
    return isinstance(error, OutcomeUnknown) or not isinstance(error, ConnectionLost)


def _not_among(asked: Sequence[types.ComposedMessage], found: Sequence[SentMessage], first: int) -> list[int]:
    """Return the numbers of the messages of a command for which the CLI made no item."""
    if len(found) == len(asked):
        return []
    missing = []
    rest = list(found)
    for index, message in enumerate(asked):
        if rest and rest[0].text == getattr(message.msg_content, "text", ""):
            rest.pop(0)
        else:
            missing.append(first + index)
    return missing


def _interrupted(
    total: int, sent: Sequence[SentMessage], unknown: Sequence[int], not_sent: Sequence[int]
) -> SimplexError:
    return SendInterrupted(
        f"send_many: of {total} messages {len(sent)} were handed to the CLI; unknown: {len(unknown)}, not sent: "
        f"{len(not_sent)}",
        sent=sent,
        unknown=unknown,
        not_sent=not_sent,
    )
