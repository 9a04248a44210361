"""The fixtures for users' own tests, used as users would: in a test suite of its own, outside of this project."""

from __future__ import annotations

import inspect
import os
import textwrap
from pathlib import Path

import pytest

from simplex_sync import SimplexChat, errors, executable, testing, types
from simplex_sync.testing import SimplexNetwork

pytest_plugins = ["pytester"]

# Found here by pytest, which would warn of a plugin that another test has imported before.
simplex_chat, simplex_pair, simplex_network = testing.simplex_chat, testing.simplex_pair, testing.simplex_network

ROOT = Path(inspect.getfile(testing)).parents[1]


def names_of(chat: SimplexChat) -> set[str]:
    return {contact.local_display_name for contact in chat.api_list_contacts().contacts}


def example() -> str:
    """Return the example of the docstring."""
    text = inspect.getdoc(testing) or ""
    start, end = text.index("    def test_greeting"), text.index("====")
    return textwrap.dedent(text[start:end])


def test_the_example_passes_as_a_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest('pytest_plugins = ["simplex_sync.testing"]')
    pytester.makepyfile(test_bot=example())
    result = pytester.runpytest_subprocess("-q", "-W", "error")
    result.assert_outcomes(passed=2)


def test_all_that_it_started_ends_even_where_the_test_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(
        """
        import psutil, pytest
        pytest_plugins = ["simplex_sync.testing"]

        @pytest.fixture(scope="session", autouse=True)
        def children():
            yield
            assert psutil.Process().children() == []

        def test_fails(simplex_pair):
            assert len(psutil.Process().children()) == 2
            raise ValueError("on purpose")
        """
    )
    result = pytester.runpytest_subprocess("-q", "-W", "error")
    result.assert_outcomes(failed=1)


def test_a_pair_knows_each_other(simplex_pair: tuple[SimplexChat, SimplexChat]) -> None:
    alice, bob = simplex_pair
    assert (alice.user.local_display_name, bob.user.local_display_name) == ("alice", "bob")
    assert (names_of(alice), names_of(bob)) == ({"bob"}, {"alice"})


def test_one_client_is_alone_on_a_network_of_its_own(
    simplex_chat: SimplexChat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names_of(simplex_chat) == set()
    assert Path(os.environ["SIMPLEX_SIM_NETWORK"]).is_relative_to(tmp_path)


def test_code_under_test_gets_the_simulator_too(simplex_network: SimplexNetwork, tmp_path: Path) -> None:
    assert executable.find() == executable.find("simulator")
    with SimplexChat(tmp_path / "own", display_name="own") as own:
        [alice] = simplex_network("alice")
        at_alice, at_own = simplex_network.connect(alice, own)
    assert isinstance(at_alice, types.Contact)
    assert (at_alice.local_display_name, at_own.local_display_name) == ("own", "alice")


def test_who_is_connected_with_whom_can_be_chosen(simplex_network: SimplexNetwork) -> None:
    hub, one, two = simplex_network("hub", "one", "two", connect="first")
    assert (names_of(hub), names_of(one), names_of(two)) == ({"one", "two"}, {"hub"}, {"hub"})
    [loner] = simplex_network("loner", connect="none")
    assert names_of(loner) == set()
    assert list(simplex_network.clients) == ["hub", "one", "two", "loner"]
    assert simplex_network() == []


def test_a_client_takes_the_options_of_any_client(simplex_network: SimplexNetwork) -> None:
    assert simplex_network.client("seven", executable="simulator:7.0").cli_version.startswith("7.")


def test_the_version_can_be_chosen_for_all(simplex_network: SimplexNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEX_SIM_CLI_VERSION", "7.0")
    alice, bob = simplex_network("alice", "bob")
    assert alice.cli_version.startswith("7.")
    assert names_of(bob) == {"alice"}


def test_bad_use_is_refused_before_anything_starts(simplex_network: SimplexNetwork) -> None:
    with pytest.raises(errors.InvalidArgument, match="connect must be"):
        simplex_network("alice", connect="some")  # type: ignore[arg-type]  # that is what is tested
    for name in ("", "a/b", ".."):
        with pytest.raises(errors.InvalidArgument, match="name of a folder"):
            simplex_network.client(name)
    assert simplex_network.clients == {}
    simplex_network.client("alice")
    with pytest.raises(errors.InvalidArgument, match="already"):
        simplex_network.client("alice")
    simplex_network.close()
    simplex_network.close()
