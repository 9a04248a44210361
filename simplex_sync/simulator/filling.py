"""A new database filled from an export (`scripts/examples/export_everything.py`), to rehearse on a copy of real chats.

Profiles, contacts, groups, members, items and files keep their numbers and names, so a script finds what it would find
with the CLI. What is in no export is not there: keys, links, what waits to be sent. The other sides are phantoms (see
`phantoms`). Items that would disappear by their time stay, so that a report tells of a script's deeds alone.

Beside the database a copy of it is kept as it was before, `PREFIX_before.db`, which `rehearsal` compares it with.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from . import features
from .groups import CURRENT
from .links import DEFAULT_SMP_SERVER, agent_id, random_id
from .phantoms import NODE
from .refusals import REHEARSAL
from .store import Store

Json = dict[str, Any]

FORMAT, VERSION = "simplex_sync export", 1
KINDS = {"contact": "@", "group": "#", "notes": "*"}
_CHAT = re.compile(r"(contact|group|notes)-(\d+)\.jsonl")

# fmt: off
_CONTACT_KEYS = (
    "contactId", "localDisplayName", "profile", "contactUsed", "contactStatus", "chatSettings", "userPreferences",
    "createdAt", "updatedAt", "chatTs", "contactRequestId", "contactGroupMemberId", "contactGrpInvSent",
    "chatItemTTL", "uiThemes", "chatDeleted", "customData", "viaGroup",
)
_GROUP_KEYS = (
    "groupId", "localDisplayName", "groupProfile", "localAlias", "businessChat", "chatSettings", "createdAt",
    "updatedAt", "chatTs", "userMemberProfileSentAt", "chatItemTTL", "customData", "viaGroupLinkUri",
)
_MEMBER_KEYS = (
    "groupMemberId", "groupId", "memberId", "memberRole", "memberCategory", "memberStatus", "blockedByAdmin",
    "invitedBy", "invitedByGroupMemberId", "localDisplayName", "memberProfile", "memberContactId",
    "memberContactProfileId", "createdAt", "updatedAt", "supportChat",
)
# fmt: on

assert features.__all__  # importing it defines all tables


class NotAnExport(Exception):
    """The folder holds no export that can be read; the message says why."""


def _lines(path: Path) -> Iterator[Json]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    record = json.loads(line)
                except ValueError:
                    raise NotAnExport(f"{path.name}, line {number}: no JSON") from None
                if not isinstance(record, dict):
                    raise NotAnExport(f"{path.name}, line {number}: no JSON object")
                yield record
    except OSError as error:
        raise NotAnExport(f"{path.name}: {error.strerror}") from None


def _only(record: Json, keys: tuple[str, ...]) -> Json:
    return {key: record[key] for key in keys if record.get(key) is not None}


def _status(status: Any) -> str:
    """Return the status of a connection as 6.4 writes it, which is how it is stored."""
    tag = str(status.get("type") if isinstance(status, dict) else status)
    return "snd-ready" if tag == "sndReady" else tag


class Filling:
    """One export on its way into a database.

    Args:
        store: The new database.
        export: The folder of the export.
        files: Where copies of the exported files go.
    """

    def __init__(self, store: Store, export: Path, files: Path) -> None:
        self.store = store
        self.export = export
        self.files = files
        self.manifest = self._manifest()
        self.user: Json = {}
        self._members: set[int] = set()
        self._profiles: set[int] = set()
        self._unconnected: list[tuple[str, int]] = []

    def _manifest(self) -> Json:
        path = self.export / "manifest.json"
        try:
            manifest = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            raise NotAnExport(f"{self.export}: there is no manifest of an export in it") from None
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise NotAnExport(f"{self.export}: this is no export of export_everything.py")
        if manifest.get("version") != VERSION:
            raise NotAnExport(f"{self.export}: an export of version {manifest.get('version')}, not {VERSION}")
        for name, about in manifest.get("files", {}).items():
            if self._check_sum(name) != about.get("sha256"):
                raise NotAnExport(f"{name}: not what the manifest says; export it again")
        return manifest

    def _inside(self, name: str) -> Path:
        path = (self.export / name).resolve()
        if not path.is_relative_to(self.export.resolve()):
            raise NotAnExport(f"{self.export}: a file lies outside of the export")
        return path

    def _check_sum(self, name: str) -> str:
        digest = hashlib.sha256()
        try:
            with self._inside(name).open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise NotAnExport(f"{name}: {error.strerror}") from None
        return digest.hexdigest()

    def run(self) -> Json:
        """Fill the database, all or nothing, and return how many records of each kind it got."""
        try:
            with self.store.transaction():
                for record in _lines(self.export / "profiles.jsonl"):
                    self._profile(record)
                self.store.set_fact(REHEARSAL, json.dumps({"counts": self.manifest["counts"]}))
        except (KeyError, TypeError, AttributeError) as error:
            raise NotAnExport(f"{self.export}: a record is not what the CLI writes ({error})") from error
        counts: Json = self.manifest["counts"]
        return counts

    # Profiles.

    def _profile(self, user: Json) -> None:
        user = {**user, "agentUserId": int(user["agentUserId"])}
        user["activeUser"] = user["userId"] == self.manifest.get("activeUser")
        self.user = self.store.insert("users", user)
        self.store.set_fact("agentUserId", str(max(int(self.store.fact("agentUserId") or 0), user["agentUserId"])))
        self._profile_id(user["profile"]["profileId"])
        self.store.insert("contacts", {"contactId": user["userContactId"], "createdAt": "1970-01-01T00:00:00Z"})
        self._name(user["localDisplayName"])
        folder = self.export / f"profile-{user['userId']}"
        if not folder.is_dir():  # a hidden one
            return
        for record in _lines(folder / "contacts.jsonl"):
            self._contact(record)
        for record in _lines(folder / "groups.jsonl"):
            self._group(record)
        for record in _lines(folder / "members.jsonl"):
            self._member(record)
        for path in sorted(folder.glob("chats/*.jsonl")):
            match = _CHAT.fullmatch(path.name)
            if match is not None:
                self._chat(folder, KINDS[match[1]], int(match[2]), path)
        for kind, number in self._unconnected:
            self._connection(kind, number, {"connType": kind, "connStatus": "ready"})
        self._unconnected.clear()

    def _name(self, name: str) -> None:
        self.store.insert("displayNames", {"userId": self.user["userId"], "name": name})

    def _profile_id(self, number: int, **facts: Any) -> None:
        if number not in self._profiles:
            self._profiles.add(number)
            self.store.insert("profiles", {"profileId": number, "userId": self.user["userId"], **facts})

    def _connection(self, kind: str, number: int, record: Json) -> None:
        """Store the connection to a contact or member, whose other side is a phantom."""
        own = {key: value for key, value in record.items() if key not in ("entityId", "peerChatVRange")}
        if "customUserProfileId" in record:
            # Which random name was used there is in no export.
            self._profile_id(record["customUserProfileId"], profile={"displayName": "Incognito", "fullName": ""})
        now = record.get("createdAt") or self.manifest["madeAt"]
        self.store.insert(
            "connections",
            {
                "agentConnId": agent_id(),
                "createdAt": now,
                "updatedAt": now,
                **own,
                "connStatus": _status(record["connStatus"]),
                "userId": self.user["userId"],
                "entityType": kind,
                "entityId": number,
                "queue": random_id(24),
                "agentQueueId": random_id(24),
                "server": DEFAULT_SMP_SERVER,
                "peer": {"node": NODE, "queue": random_id(24)},
            },
        )

    # Contacts, groups and members.

    def _contact(self, record: Json) -> None:
        self._profile_id(record["profile"]["profileId"])
        self.store.insert("contacts", {**_only(record, _CONTACT_KEYS), "userId": self.user["userId"]})
        self._name(record["localDisplayName"])
        if record.get("activeConn") is not None:
            self._connection("contact", record["contactId"], record["activeConn"])

    def _group(self, record: Json) -> None:
        own = record["membership"]
        group = {**_only(record, _GROUP_KEYS), "userId": self.user["userId"], "membershipId": own["groupMemberId"]}
        self.store.insert("groups", group)
        self._name(record["localDisplayName"])
        incognito = own["memberProfile"]["profileId"] != self.user["profile"]["profileId"]
        facts: Json = {"incognitoProfile": True} if incognito else {}
        member = {key: value for key, value in own.items() if incognito or not key.startswith("memberContact")}
        self._member({**member, "memberCategory": "user", "activeConn": None}, **facts)

    def _member(self, record: Json, **facts: Any) -> None:
        if record["groupMemberId"] in self._members:
            return
        self._members.add(record["groupMemberId"])
        self._profile_id(record["memberProfile"]["profileId"])
        member = {**_only(record, _MEMBER_KEYS), "userId": self.user["userId"], **facts}
        member.setdefault("memberContactProfileId", record["memberProfile"]["profileId"])
        if record.get("supportChat") is not None:
            member["hasSupportChat"] = True
        self.store.insert("groupMembers", member)
        if record.get("memberCategory") == "user":
            return
        self._name(record["localDisplayName"])
        if record.get("activeConn") is not None:
            self._connection("member", record["groupMemberId"], record["activeConn"])
        elif record["memberStatus"] in CURRENT:
            self._unconnected.append(("member", record["groupMemberId"]))

    # Items and their files.

    def _chat(self, folder: Path, kind: str, number: int, path: Path) -> None:
        if kind == "*":
            made = self.manifest["madeAt"]
            note = {"createdAt": made, "updatedAt": made, "chatTs": made, "favorite": False, "unread": False}
            self.store.insert("noteFolders", {"noteFolderId": number, "userId": self.user["userId"], **note})
        attached = folder / "attachments" / path.name
        files = {record["itemId"]: record for record in _lines(attached)} if attached.is_file() else {}
        for record in _lines(path):
            self._item(kind, number, record, files.get(record["meta"]["itemId"]))

    def _direction(self, direction: Json) -> tuple[Json, int | None]:
        """Return a direction as it is stored: a member of a group by the number alone."""
        if "groupMember" not in direction:
            return direction, None
        member = direction["groupMember"]
        self._member({"activeConn": None, **member})  # one who is in no list of members any more
        return {"type": direction["type"], "groupMemberId": member["groupMemberId"]}, member["groupMemberId"]

    def _item(self, kind: str, number: int, record: Json, attached: Json | None) -> None:
        meta = dict(record["meta"])
        item_id, item_ts = meta.pop("itemId"), meta.pop("itemTs")
        direction, member_id = self._direction(record["chatDir"])
        item = {**record, "chatDir": direction, "meta": meta}
        if "chatDir" in (record.get("quotedItem") or {}):
            item["quotedItem"] = {
                **record["quotedItem"],
                "chatDir": self._direction(record["quotedItem"]["chatDir"])[0],
            }
        if record.get("file") is not None:
            item["file"] = self._file(record, item_id, attached)
        self.store.insert(
            "items",
            {
                "itemId": item_id,
                "userId": self.user["userId"],
                "chatType": kind,
                "chatId": number,
                "statusTag": meta["itemStatus"]["type"],
                "sharedMsgId": meta.get("itemSharedMsgId"),
                "itemTs": item_ts,
                "memberId": member_id,
                "item": item,
            },
        )

    def _file(self, record: Json, item_id: int, attached: Json | None) -> Json:
        """Store the file of an item, with its copy where the export has one, and return its record."""
        file: Json = dict(record["file"])
        sent = record["chatDir"]["type"].endswith("Snd")
        path = attached and attached.get("path")
        if path:
            name = PurePosixPath(path).name
            shutil.copyfile(self._inside(path), self.files / name)
            file["fileSource"] = {**(file.get("fileSource") or {}), "filePath": name}
        document = {
            "fileId": file["fileId"],
            "userId": self.user["userId"],
            "itemId": item_id,
            "direction": "sent" if sent else "received",
            # What is not here can come from nowhere.
            "state": "complete" if path else "cancelled",
            "status": "complete" if path else "cancelled",
            "fileName": file["fileName"],
            "filePath": (file.get("fileSource") or {}).get("filePath", file["fileName"]),
            "fileSize": file["fileSize"],
            "cryptoArgs": (file.get("fileSource") or {}).get("cryptoArgs"),
            "agentFileId": agent_id(),
            "storage": random_id(18),
            "senderDisplayName": "",
        }
        self.store.insert("files", document)
        return file


def fill(database: Path, key: str, export: Path, files: Path) -> Json:
    """Make a database of an export.

    Args:
        database: The prefix of its files, which must not be there yet.
        key: Its key, empty for none.
        export: The folder of the export.
        files: Where copies of the exported files go; the folder must be there.

    Returns:
        How many records of each kind there are.

    Raises:
        NotAnExport: The export cannot be read; no database was made.
        FileExistsError: There is a database already.
    """
    paths = [database.with_name(f"{database.name}_{name}.db") for name in ("chat", "agent", "before")]
    for path in paths:
        if path.exists():
            raise FileExistsError(path.name)
    store = Store(paths[0], key)
    try:
        counts = Filling(store, export, files).run()
        store.copy_to(paths[2])
    except BaseException:
        store.close()
        for path in paths:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        raise
    store.close()
    return counts
