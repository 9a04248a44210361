"""Files of messages: what is sent with a message, what comes with one, receiving and cancelling.

The bytes move through the `files` folder of the network folder (see `file_transfers`). As in the CLI, names are
relative to the files folder where there is one, the size on the way is that of whole chunks, and nothing is received
before it is asked for.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import delivery, groups, items
from .commands import command
from .failure import error, store_error
from .file_records import (
    CHUNK_SIZE,
    chat_item,
    description_record,
    files_folder,
    full_path,
    item_of_file,
    received_record,
    sent_record,
    set_item_status,
    unique_path,
)
from .links import agent_id, random_id
from .messages import files
from .records import present

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engine import Simulator

Json = dict[str, Any]

UPLOAD_AFTER = 0.15  # seconds from sending the message to the first chunk
MAXIMUM = 1024**3  # bytes


# With messages.


def _take(sim: Simulator, user: Json, composed: Json) -> tuple[Json, Json, Callable[[Json], None]]:
    """Prepare the file of a message that is sent."""
    source = composed["fileSource"]
    path = full_path(sim, source["filePath"])
    if not path.is_file():
        raise error("fileNotFound", message=source["filePath"])
    size = path.stat().st_size
    if size > MAXIMUM:
        raise error("fileSize", filePath=source["filePath"])
    file = sim.store.insert(
        "files",
        {
            "userId": user["userId"],
            "direction": "sent",
            "state": "new",
            "fileName": path.name,
            "filePath": source["filePath"],
            "fileSize": size,
            "cryptoArgs": source.get("cryptoArgs"),
            "agentFileId": agent_id(),
            "storage": random_id(18),
        },
    )
    record = {
        "fileId": file["fileId"],
        "fileName": path.name,
        "fileSize": size,
        "fileSource": present({"filePath": source["filePath"], "cryptoArgs": source.get("cryptoArgs")}),
        "fileStatus": {"type": "sndStored"},
        "fileProtocol": "xftp",
    }

    def after(item: Json) -> None:
        sim.store.update("files", file["fileId"], itemId=item["itemId"], state="uploading", notBefore=UPLOAD_AFTER)

    return record, {"fileName": path.name, "fileSize": size}, after


def _receive(
    sim: Simulator, user: Json, connection: Json, invitation: Json, _content: Json
) -> tuple[Json, Callable[[Json], None]]:
    """Note the file of a message that came."""
    name = Path(str(invitation["fileName"])).name or "file"
    file = sim.store.insert(
        "files",
        {
            "userId": user["userId"],
            "direction": "received",
            "state": "new",
            "status": "new",
            "fileName": name,
            "fileSize": int(invitation["fileSize"]),
            "senderDisplayName": _sender(sim, connection),
            "groupMemberId": connection["entityId"] if connection["entityType"] == "member" else None,
        },
    )
    record = {
        "fileId": file["fileId"],
        "fileName": name,
        "fileSize": file["fileSize"],
        "fileStatus": {"type": "rcvInvitation"},
        "fileProtocol": "xftp",
    }

    def after(item: Json) -> None:
        sim.store.update("files", file["fileId"], itemId=item["itemId"])

    return record, after


def _sender(sim: Simulator, connection: Json) -> str:
    table = "groupMembers" if connection["entityType"] == "member" else "contacts"
    sender = sim.store.get(table, connection["entityId"]) or {}
    if sender.get("memberContactId"):
        sender = sim.store.get("contacts", sender["memberContactId"]) or sender
    return str(sender.get("localDisplayName", ""))


files(_take, _receive)


# Commands.


def _file(sim: Simulator, file_id: int, missing: str) -> Json:
    file = sim.store.get("files", file_id)
    if file is None or file["userId"] != sim.active_user()["userId"]:
        raise store_error(missing, fileId=file_id)
    return file


@command(
    "/freceive {file_id:int}[ approved_relays={approved:onoff}][ encrypt={encrypt:onoff}][ inline={inline:onoff}]"
    "[ {path:text}]",
    network=True,
)
def receive_file(
    sim: Simulator,
    file_id: int,
    approved: bool = False,
    encrypt: bool = False,
    inline: bool = False,
    path: str | None = None,
) -> Json:
    file = _file(sim, file_id, "userNotFoundByFileId")
    if file["direction"] != "received":
        raise store_error("rcvFileNotFound", fileId=file_id)
    if file["state"] == "cancelled":
        raise error("fileCancelled", message=file["fileName"])
    if file["status"] != "new":
        raise error("fileAlreadyReceiving", message=file["fileName"])
    target = _reserve(sim, file, path)
    crypto_args = {"fileKey": _random_base64(32), "fileNonce": _random_base64(24)} if encrypt else None
    file = sim.store.update(
        "files",
        file_id,
        state="accepted",
        status="accepted",
        approved=approved,
        filePath=target,
        cryptoArgs=crypto_args,
        inline=inline or None,
    )
    source = present({"filePath": target, "cryptoArgs": crypto_args})
    set_item_status(sim, file, {"type": "rcvAccepted"}, fileSource=source)
    record = {"type": "rcvFileAccepted", "user": sim.user_record(sim.active_user()), "chatItem": chat_item(sim, file)}
    begin(sim, file)
    return record


def _random_base64(size: int) -> str:
    return base64.urlsafe_b64encode(os.urandom(size)).decode()


def _reserve(sim: Simulator, file: Json, path: str | None) -> str:
    """Make an empty file where a file is to be received, and return its path as records tell it."""
    try:
        if path is None:
            target = unique_path(files_folder(sim), file["fileName"])
            told = target.name if sim.options.files_folder is not None else str(target)
        elif Path(path).is_dir():
            target = unique_path(Path(path), file["fileName"])
            told = str(target)
        else:
            target, told = Path(path), path
            if target.exists():
                raise error("fileAlreadyExists", filePath=path)
        target.touch()
    except OSError as problem:
        raise error("fileWrite", filePath=path or file["fileName"], message=str(problem)) from None
    return told


@command("/fcancel {file_id:int}")
def cancel_file(sim: Simulator, file_id: int) -> Json:
    file = _file(sim, file_id, "fileNotFound")
    user = sim.user_record(sim.active_user())
    if file["direction"] == "sent":
        return _cancel_sent(sim, user, file)
    if file["state"] == "complete":
        raise error("fileCancel", fileId=file_id, message="file transfer is complete")
    if file["state"] in ("accepted", "receiving"):
        sim.store.update("files", file_id, state="new", status="new", agentFileId=None)
        _remove(sim, file)
    set_item_status(sim, file, {"type": "rcvInvitation"})
    record = received_record(file)
    response = {"type": "rcvFileCancelled", "user": user, "chatItem_": chat_item(sim, file), "rcvFileTransfer": record}
    return present(response)


def _remove(sim: Simulator, file: Json) -> None:
    """Take away the file that was reserved for what is not received after all."""
    path = full_path(sim, file["filePath"])
    try:
        path.unlink(missing_ok=True)
    except OSError:  # it stays: nothing depends on it
        return


def recipients(sim: Simulator, file: Json) -> list[Json]:
    """Return the connections to those who got the message with a file."""
    item = item_of_file(sim, file)
    if item is None:
        return []
    if item["chatType"] == "#":
        group = sim.store.get("groups", item["chatId"])
        return [] if group is None else [found for _, found in groups.recipients(sim, group, item.get("scopeInfo"))]
    return sim.store.find("connections", entityType="contact", entityId=item["chatId"])


def _cancel_sent(sim: Simulator, user: Json, file: Json) -> Json:
    if file["state"] != "cancelled":
        sim.store.update("files", file["fileId"], state="cancelled")
        set_item_status(sim, file, {"type": "sndCancelled"})
        item = item_of_file(sim, file)
        if item is not None:
            message = {"event": "x.file.cancel", "msgId": item["sharedMsgId"], "params": {}}
            for connection in recipients(sim, file):
                delivery.send(sim, connection, [message])
    transfers = [_sent_transfer(sim, file, connection) for connection in recipients(sim, file)]
    response = {
        "type": "sndFileCancelled",
        "user": user,
        "chatItem_": chat_item(sim, file),
        "fileTransferMeta": sent_record(file),
        "sndFileTransfers": transfers,
    }
    return present(response)


def _sent_transfer(sim: Simulator, file: Json, connection: Json) -> Json:
    record = {
        "fileId": file["fileId"],
        "fileName": file["fileName"],
        "filePath": file["filePath"],
        "fileSize": file["fileSize"],
        "chunkSize": CHUNK_SIZE,
        "recipientDisplayName": _sender(sim, connection),
        "connId": connection["connId"],
        "agentConnId": connection["agentConnId"],
        "groupMemberId": connection["entityId"] if connection["entityType"] == "member" else None,
        "fileStatus": "complete" if file["state"] == "complete" else "new",
        "fileDescrId": file["fileId"],
    }
    return present(record)


@command("/fstatus {file_id:int}")
def file_status(sim: Simulator, file_id: int) -> Json:
    file = _file(sim, file_id, "fileNotFound")
    user = sim.user_record(sim.active_user())
    return {"type": "fileTransferStatusXFTP", "data": [user, chat_item(sim, file)]}


# What the sender tells later.


def _file_of_message(sim: Simulator, connection: Json, message: Json) -> Json | None:
    """Return the file that came with the message of which another one tells more, or None."""
    chat = ("@", connection["entityId"])
    if connection["entityType"] == "member":
        member = sim.store.get("groupMembers", connection["entityId"])
        chat = ("#", member["groupId"] if member else 0)
    item = items.by_shared_id(sim, chat, message["msgId"])
    found = sim.store.first("files", itemId=item["itemId"], direction="received") if item else None
    if found is not None and found.get("groupMemberId") not in (None, connection["entityId"]):
        return None
    return found


def _described(sim: Simulator, connection: Json, message: Json) -> bool:
    file, params = _file_of_message(sim, connection, message), message["params"]
    if file is None or file["state"] in ("cancelled", "complete", "receiving"):
        return False
    file = sim.store.update("files", file["fileId"], description=params["text"], storage=params["storage"])
    event = {
        "type": "rcvFileDescrReady",
        "user": sim.user_record(sim.user(file["userId"])),
        "chatItem": chat_item(sim, file),
        "rcvFileTransfer": received_record(file),
        "rcvFileDescr": description_record(file),
    }
    if event["chatItem"] is not None:
        sim.emit(event)
    begin(sim, file)
    return False


def begin(sim: Simulator, file: Json) -> None:
    """Begin to receive a file, if it is accepted and its sender has told where it is."""
    if file["state"] == "accepted" and "storage" in file:
        file = sim.store.update(
            "files", file["fileId"], state="receiving", status="connected", agentFileId=agent_id(), chunk=0
        )
        set_item_status(sim, file, {"type": "rcvTransfer", "rcvProgress": 0, "rcvTotal": 1})
        user = sim.user_record(sim.user(file["userId"]))
        sim.emit(present({"type": "rcvFileStart", "user": user, "chatItem": chat_item(sim, file)}))


def _cancelled(sim: Simulator, connection: Json, message: Json) -> bool:
    file = _file_of_message(sim, connection, message)
    if file is None or file["state"] in ("cancelled", "complete"):
        return False
    set_item_status(sim, file, {"type": "rcvCancelled"})
    event = {
        "type": "rcvFileSndCancelled",
        "user": sim.user_record(sim.user(file["userId"])),
        "chatItem": chat_item(sim, file),
        "rcvFileTransfer": received_record(file),
    }
    sim.store.update("files", file["fileId"], state="cancelled")
    if file["state"] in ("accepted", "receiving"):
        _remove(sim, file)
    sim.emit(event)
    return False


for _entity in ("contact", "member"):
    delivery.chat_event(_entity, "x.msg.file.descr")(_described)
    delivery.chat_event(_entity, "x.file.cancel")(_cancelled)
