"""Files: their documents, where they are, and their wire records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import items
from .records import a_chat_item, present
from .store import define_table

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# `state` is `uploading` or `receiving` while bytes move, else `new`, `accepted`, `complete`, `cancelled` or `failed`.
define_table(
    "files",
    "fileId",
    {"userId": "INTEGER", "itemId": "INTEGER", "direction": "TEXT", "state": "TEXT"},
    autoincrement=True,
)

CHUNK_SIZE = 15780  # what records call the chunk size; chunks of the file servers are larger


# Where files are.


def files_folder(sim: Simulator) -> Path:
    """Return the folder where received files go."""
    if sim.options.files_folder is not None:
        return sim.options.files_folder
    downloads = Path.home() / "Downloads"
    return downloads if downloads.is_dir() else Path.cwd()


def full_path(sim: Simulator, path: str) -> Path:
    """Return where a file is, of which a record tells the name inside the files folder or the whole path."""
    return (sim.options.files_folder or Path.cwd()) / path


def unique_path(folder: Path, name: str) -> Path:
    """Return a path in a folder that is not taken, with a number if the name is."""
    path, number = folder / name, 0
    while path.exists():
        number += 1
        path = (folder / name).with_stem(f"{Path(name).stem}_{number}")
    return path


# Records.


def item_of_file(sim: Simulator, file: Json) -> Json | None:
    """Return the chat item of a file, if it is still there."""
    return sim.store.get("items", file["itemId"]) if "itemId" in file else None


def chat_item(sim: Simulator, file: Json) -> Json | None:
    """Return the `AChatItem` of a file, if it is still there."""
    item = item_of_file(sim, file)
    return None if item is None else a_chat_item(sim, item)


def set_item_status(sim: Simulator, file: Json, status: Json, **more: Any) -> None:
    """Change the `fileStatus` of a file's chat item."""
    item = item_of_file(sim, file)
    if item is not None and "file" in item["item"]:
        changed = present({**item["item"]["file"], "fileStatus": status, **more})
        items.change(sim, item, file=changed)


def sent_record(file: Json) -> Json:
    """Return the `FileTransferMeta` of a file that is sent."""
    transfer = {
        "agentSndFileId": file["agentFileId"],
        "privateSndFileDescr": file.get("description"),
        "agentSndFileDeleted": False,
    }
    return {
        "fileId": file["fileId"],
        "xftpSndFile": present(transfer),
        "fileName": file["fileName"],
        "filePath": file["filePath"],
        "fileSize": file["fileSize"],
        "chunkSize": CHUNK_SIZE,
        "cancelled": False,
    }


def description_record(file: Json) -> Json:
    """Return the `RcvFileDescr` of a file that comes."""
    text = file.get("description", "")
    return {
        "fileDescrId": file["fileId"],
        "fileDescrText": text,
        "fileDescrPartNo": 1 if text else 0,
        "fileDescrComplete": bool(text),
    }


def received_record(file: Json) -> Json:
    """Return the `RcvFileTransfer` of a file that comes."""
    status: Json = {"type": file["status"]}
    if file["status"] != "new":
        status["fileInfo"] = {"filePath": file["filePath"]}
    transfer = {
        "rcvFileDescription": description_record(file),
        "agentRcvFileId": file.get("agentFileId"),
        "agentRcvFileDeleted": False,
        "userApprovedRelays": file.get("approved", False),
    }
    record = {
        "fileId": file["fileId"],
        "xftpRcvFile": present(transfer),
        "fileInvitation": {"fileName": file["fileName"], "fileSize": file["fileSize"]},
        "fileStatus": status,
        "senderDisplayName": file["senderDisplayName"],
        "chunkSize": CHUNK_SIZE,
        "cancelled": False,
        "grpMemberId": file.get("groupMemberId"),
        "cryptoArgs": file.get("cryptoArgs"),
    }
    return present(record)
