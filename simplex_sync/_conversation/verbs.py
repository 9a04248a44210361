"""All friendly verbs together: the base class of the client."""

from __future__ import annotations

from simplex_sync._conversation.handlers import Handling

__all__ = ["Verbs"]


class Verbs(Handling):
    """Over the one-to-one methods, what scripts and notebooks actually say.

    Each module adds its verbs to those that it rests on: lookups, sending, files, receiving, links, connecting,
    history, export, handlers.
    """
