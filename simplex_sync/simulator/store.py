"""The state of one simulator: documents in SQLite tables, changed only inside transactions.

A table is an id, a few indexed columns that repeat keys of the document, and the document as JSON. SQLite in WAL mode
survives SIGKILL at any moment: what was committed is there, what was not never happened.

The key of a database protects nothing here (documents are stored in the clear); it is only checked as the CLI
checks it, against a salted hash.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# Marks the files as ours, so that a real chat database is never touched.
APPLICATION_ID = 0x53585359
SCHEMA_VERSION = 1


class NotADatabase(Exception):
    """The file is no database, or its key is another one."""


class ForeignDatabase(Exception):
    """The file is a database of another program."""


class _Table:
    __slots__ = ("autoincrement", "columns", "id_key", "indexes", "name")

    def __init__(
        self, name: str, id_key: str, columns: dict[str, str], autoincrement: bool, indexes: dict[str, str]
    ) -> None:
        self.indexes = indexes
        self.name = name
        self.id_key = id_key
        self.columns = columns
        self.autoincrement = autoincrement


_TABLES: dict[str, _Table] = {}


def define_table(
    name: str,
    id_key: str,
    columns: dict[str, str] | None = None,
    *,
    autoincrement: bool = False,
    indexes: dict[str, str] | None = None,
) -> None:
    """Define a table of documents.

    Args:
        name: The table.
        id_key: The key of the document that holds its id.
        columns: Keys of the document that one can search by, with their SQL types; each is indexed, if `indexes` names
            no indexes.
        autoincrement: Whether ids of deleted documents are never used again.
        indexes: Indexes by name: what follows the table's name in their SQL.
    """
    columns = columns or {}
    if indexes is None:
        indexes = {column: f'("{column}")' for column in columns}
    _TABLES[name] = _Table(name, id_key, columns, autoincrement, indexes)


def _sql(*words: str) -> str:
    """Return a statement: of names and conditions of this package's code, never of values, which are bound."""
    return " ".join(words)


def _encode(document: Json) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


class Store:
    """Documents in one SQLite file."""

    def __init__(self, path: Path, key: str) -> None:
        """Open or make the file.

        Args:
            path: The file.
            key: The database key, empty for none.

        Raises:
            NotADatabase: It is no database, or the key is another one.
            ForeignDatabase: It is a database of another program.
        """
        self._connection = sqlite3.connect(str(path), isolation_level=None, timeout=30, check_same_thread=False)
        try:
            self._prepare(key)
        except sqlite3.DatabaseError as cause:
            self._connection.close()
            if isinstance(cause, sqlite3.OperationalError):
                raise
            raise NotADatabase(path.name) from cause
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, key: str) -> None:
        run = self._connection.execute
        fresh = not run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not fresh and run("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise ForeignDatabase
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=NORMAL")
        run("BEGIN IMMEDIATE")
        run("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        if self.fact("salt") is None:
            salt = os.urandom(16)
            self.set_fact("salt", salt.hex())
            self.set_fact("key", self._hash(key, salt))
            run(f"PRAGMA application_id={APPLICATION_ID}")
            run(f"PRAGMA user_version={SCHEMA_VERSION}")
        for table in _TABLES.values():
            self._create(table)
        run("COMMIT")
        if not hmac.compare_digest(self.fact("key") or "", self._hash(key, bytes.fromhex(self.fact("salt") or ""))):
            raise NotADatabase("the key is another one")

    @staticmethod
    def _hash(key: str, salt: bytes) -> str:
        return hashlib.pbkdf2_hmac("sha256", key.encode("utf-8", "surrogatepass"), salt, 2_000).hex()

    def _create(self, table: _Table) -> None:
        columns = "".join(f', "{name}" {kind}' for name, kind in table.columns.items())
        increment = " AUTOINCREMENT" if table.autoincrement else ""
        run = self._connection.execute
        run(
            f'CREATE TABLE IF NOT EXISTS "{table.name}" (id INTEGER PRIMARY KEY{increment}{columns}, doc TEXT NOT NULL)'
        )
        for name, what in table.indexes.items():
            run(f'CREATE INDEX IF NOT EXISTS "{table.name}_{name}" ON "{table.name}" {what}')

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def copy_to(self, path: Path) -> None:
        """Write a copy of the file as it is now.

        Args:
            path: The copy, which must not be there yet.
        """
        self._connection.execute("VACUUM INTO ?", (str(path),))

    def differences(self, table: str, other: Path) -> tuple[dict[int, Json], dict[int, Json]]:
        """Return the documents of a table that differ from those of another file, by their ids.

        Args:
            table: The table.
            other: A file of the simulator.

        Returns:
            Those that are only in the other file, and those that are only in this one; changed ones are in both.
        """
        run = self._connection.execute
        run("ATTACH ? AS other", (str(other),))
        try:
            both = (("other", "main"), ("main", "other"))
            rows = [
                run(
                    _sql("SELECT id, doc FROM", f"{one}.{table}", "EXCEPT SELECT id, doc FROM", f"{two}.{table}")
                ).fetchall()
                for one, two in both
            ]
        finally:
            run("DETACH other")
        theirs, ours = ({int(row[0]): self._document(table, row) for row in found} for found in rows)
        return theirs, ours

    def fact(self, name: str) -> str | None:
        """Return one fact about the database itself."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Keep one fact about the database itself."""
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes inside happen together or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Make the changes inside happen together or not at all, within a transaction."""
        self._connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO attempt")
            self._connection.execute("RELEASE attempt")
            raise
        self._connection.execute("RELEASE attempt")

    # One document.

    def insert(self, table: str, document: Json) -> Json:
        """Store a new document and return it with its id (given or next)."""
        about = _TABLES[table]
        document = {key: value for key, value in document.items() if value is not None}
        names = "".join(f', "{name}"' for name in about.columns)
        marks = ", ?" * len(about.columns)
        cursor = self._connection.execute(
            _sql("INSERT INTO", table, f"(id{names}, doc) VALUES (?{marks}, ?)"),
            (document.get(about.id_key), *(document.get(name) for name in about.columns), _encode(document)),
        )
        if about.id_key not in document:
            document = {about.id_key: cursor.lastrowid, **document}
        return document

    def get(self, table: str, id: int) -> Json | None:
        """Return a document by its id, or None."""
        row = self._connection.execute(_sql("SELECT id, doc FROM", table, "WHERE id = ?"), (id,)).fetchone()
        return None if row is None else self._document(table, row)

    def update(self, table: str, id: int, **changes: Any) -> Json:
        """Change keys of a document (None removes one) and return the new document.

        Raises:
            KeyError: There is no such document.
        """
        old = self.get(table, id)
        if old is None:
            raise KeyError(table, id)
        document = {key: value for key, value in {**old, **changes}.items() if value is not None}
        about = _TABLES[table]
        assignments = "".join(f'"{name}" = ?, ' for name in about.columns)
        self._connection.execute(
            _sql("UPDATE", table, f"SET {assignments}doc = ? WHERE id = ?"),
            (*(document.get(name) for name in about.columns), _encode(document), id),
        )
        return document

    def delete(self, table: str, id: int) -> None:
        """Delete a document by its id, if it is there."""
        self._connection.execute(_sql("DELETE FROM", table, "WHERE id = ?"), (id,))

    # Many documents.

    def first(self, table: str, **equals: Any) -> Json | None:
        """Return the document with the lowest id whose columns have these values, or None."""
        found = self.find(table, limit=1, **equals)
        return found[0] if found else None

    def find(self, table: str, *, limit: int = -1, **equals: Any) -> list[Json]:
        """Return the documents whose columns have these values, by rising id."""
        where = " AND ".join(f'"{name}" IS ?' for name in equals) or "1"
        return self.select(table, f"{where} ORDER BY id LIMIT ?", (*equals.values(), limit))

    def select(self, table: str, condition: str, values: tuple[Any, ...] = ()) -> list[Json]:
        """Return the documents for which an SQL condition holds (with its ORDER BY and LIMIT)."""
        rows = self._connection.execute(_sql("SELECT id, doc FROM", table, "WHERE", condition), values)
        return [self._document(table, row) for row in rows]

    def number(self, table: str, expression: str, condition: str, values: tuple[Any, ...] = ()) -> int:
        """Return one number about the rows for which an SQL condition holds, e.g. `count(*)`; 0 for none."""
        row = self._connection.execute(_sql("SELECT", expression, "FROM", table, "WHERE", condition), values).fetchone()
        return int(row[0] or 0)

    def delete_where(self, table: str, **equals: Any) -> None:
        """Delete the documents whose columns have these values."""
        where = " AND ".join(f'"{name}" IS ?' for name in equals)
        self._connection.execute(_sql("DELETE FROM", table, "WHERE", where), tuple(equals.values()))

    def delete_user(self, user_id: int, users: str, contacts: str, own_contact: int) -> None:
        """Delete a user and every document that has its `userId`.

        Args:
            user_id: The user.
            users: The table of users.
            contacts: The table that holds the document that stands for the user among the contacts.
            own_contact: The id of that document.
        """
        for table in _TABLES.values():
            if "userId" in table.columns:
                self.delete_where(table.name, userId=user_id)
        self.delete(contacts, own_contact)
        self.delete(users, user_id)

    @staticmethod
    def _document(table: str, row: tuple[int, str]) -> Json:
        document: Json = json.loads(row[1])
        id_key = _TABLES[table].id_key
        return document if id_key in document else {id_key: row[0], **document}
