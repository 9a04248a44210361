"""Simulated clients for the tests of examples and documents, by the fixtures that users' own tests have."""

from __future__ import annotations

from simplex_sync.testing import simplex_chat, simplex_network, simplex_pair

__all__ = ["simplex_chat", "simplex_network", "simplex_pair"]
