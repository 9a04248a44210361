"""What the friendly verbs need of the client that inherits them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from simplex_sync._internal.calling import Calls

if TYPE_CHECKING:
    from pathlib import Path

    from simplex_sync._conversation.delivery import Deliveries
    from simplex_sync._conversation.handlers import Handlers
    from simplex_sync._conversation.inbox import Inbox
    from simplex_sync._internal.router import Router, Subscription
    from simplex_sync.api.types import User


class Conversation:
    """What the friendly verbs of one client keep.

    Attributes:
        lock: Guards the other attributes.
        arrivals: The messages since the start, for the first who asks for them.
        inboxes: The cursors of `messages()` and `run()`.
        deliveries: The statuses of sent messages, once somebody waited for one.
        handlers: The functions registered for `run()`.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.arrivals: Subscription | None = None
        self.inboxes: list[Inbox] = []
        self.deliveries: Deliveries | None = None
        self.handlers: Handlers | None = None

    def begin(self, router: Router) -> None:
        """Forget what belongs to an earlier start, and listen for messages from now on.

        Args:
            router: Where the events of this start come from, before the first one.
        """
        from simplex_sync._conversation.inbox import MESSAGE_TAGS, UNREAD

        with self.lock:
            self.arrivals = router.subscribe(MESSAGE_TAGS, limit=UNREAD)
            self.inboxes.clear()
            self.deliveries = None


class Base(Calls):
    """The part of the client on which the friendly verbs rest."""

    if TYPE_CHECKING:
        _conversation: Conversation

        @property
        def user(self) -> User:
            """The active user."""

        @property
        def cli_version(self) -> str:
            """The version of the CLI."""

        @property
        def files_folder(self) -> Path | None:
            """Where files are sent from and received into."""
