"""Documents in SQLite: found, changed, rolled back; keys and foreign files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from simplex_sync.simulator import features
from simplex_sync.simulator.store import ForeignDatabase, NotADatabase, Store

assert features.__all__  # importing it defines the tables


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "x_chat.db", "")) as made:
        yield made


def test_documents_come_back_with_their_id(store: Store) -> None:
    made = store.insert("contacts", {"userId": 1, "localDisplayName": "bob", "absent": None, "list": [1]})
    assert made == {"contactId": 1, "userId": 1, "localDisplayName": "bob", "list": [1]}
    assert store.get("contacts", 1) == made
    assert store.get("contacts", 2) is None
    assert store.first("contacts", localDisplayName="bob") == made
    assert store.first("contacts", localDisplayName="eve") is None
    given = store.insert("contacts", {"contactId": 7, "userId": 1})
    assert store.find("contacts", userId=1) == [made, given]
    assert store.find("contacts", userId=1, limit=1) == [made]
    assert store.number("contacts", "count(*)", "userId = ?", (1,)) == 2


def test_changes(store: Store) -> None:
    store.insert("contacts", {"userId": 1, "a": 1, "b": 2})
    assert store.update("contacts", 1, a=None, c=3, userId=2) == {"contactId": 1, "userId": 2, "b": 2, "c": 3}
    assert store.find("contacts", userId=1) == []
    with pytest.raises(KeyError):
        store.update("contacts", 99, a=1)
    store.delete("contacts", 1)
    store.delete("contacts", 1)
    assert store.find("contacts") == []


def test_ids_are_used_again_where_the_cli_does(store: Store) -> None:
    for table, key, next_id in (("contacts", "contactId", 1), ("items", "itemId", 2)):
        made = store.insert(table, {"userId": 1})
        store.delete_where(table, userId=1)
        assert made[key] == 1
        assert store.insert(table, {"userId": 1})[key] == next_id


def _insert_and_fail(store: Store) -> None:
    store.insert("contacts", {"userId": 2})
    raise LookupError


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    with pytest.raises(LookupError), store.transaction():
        _insert_and_fail(store)
    assert store.find("contacts") == []
    with store.transaction():
        store.insert("contacts", {"userId": 1})
        with pytest.raises(LookupError), store.attempt():
            _insert_and_fail(store)
        with store.attempt():
            store.insert("contacts", {"userId": 3})
    assert [contact["userId"] for contact in store.find("contacts")] == [1, 3]


def test_a_deleted_user_leaves_nothing(store: Store) -> None:
    store.insert("users", {"localDisplayName": "alice"})
    store.insert("contacts", {"contactId": 1})
    for table in ("contacts", "items", "connections", "displayNames"):
        store.insert(table, {"userId": 1})
    store.delete_user(1, "users", "contacts", 1)
    assert [store.number(table, "count(*)", "1") for table in ("users", "contacts", "items", "connections")] == [0] * 4


def test_a_key_is_checked_and_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "x_chat.db"
    Store(path, "the key").close()
    Store(path, "the key").close()
    for wrong in ("", "another"):
        with pytest.raises(NotADatabase):
            Store(path, wrong)
    assert b"the key" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_what_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "x_chat.db"
    path.write_bytes(b"no database at all, but long enough to be looked at " * 100)
    with pytest.raises(NotADatabase):
        Store(path, "")


def test_databases_of_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x_chat.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE contacts (name TEXT)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(ForeignDatabase):
        Store(path, "")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["x_chat.db"]


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Store(tmp_path / "missing" / "x_chat.db", "")
