"""Bytes of files on their way: from the sender's file into the network folder, and from there to the receiver's.

A chunk is moved at a time, between other work; how far a transfer came is kept in the database, so a process that was
killed goes on where it was. Chunks are as large as those of the file servers, which is what progress counts.

A file that is received with `encrypt=on` is stored enciphered with a stream made of its key and nonce. That hides
nothing from anybody who has the database; it is there so that a script sees what it will see with the CLI: other bytes.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import delivery
from .engine import ticker
from .file_records import chat_item, full_path, item_of_file, received_record, sent_record, set_item_status
from .files import recipients
from .links import DEFAULT_XFTP_SERVER
from .records import present

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

KIB = 1024
SIZES = (64 * KIB, 256 * KIB, KIB * KIB, 4 * KIB * KIB)
OVERHEAD = 64  # bytes by which a file grows when it is enciphered for the servers


def chunk_sizes(size: int) -> list[int]:
    """Return the sizes of the chunks in which the file servers keep a file.

    Args:
        size: The file's size in bytes.
    """
    small, large = SIZES[0], SIZES[1]
    for smaller, larger in ((SIZES[2], SIZES[3]), (SIZES[1], SIZES[2])):
        if size > larger * 3 // 4:
            small, large = smaller, larger
            break
    chunks = [large] * (size // large)
    rest = size % large
    if rest > large * 3 // 4:
        chunks.append(large)
    elif rest:
        chunks += [small] * -(-rest // small)
    return chunks or [small]


def cipher(data: bytes, crypto_args: Json) -> bytes:
    """Return bytes enciphered, or deciphered, with the stream of a key and a nonce."""
    seed = base64.urlsafe_b64decode(crypto_args["fileKey"]) + base64.urlsafe_b64decode(crypto_args["fileNonce"])
    stream = hashlib.shake_256(seed).digest(len(data))
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


@ticker
def move_files(sim: Simulator, now: float) -> float | None:
    """Move one chunk of each file that is on its way, and return when to go on."""
    active = sim.store.select("files", "state IN ('uploading', 'receiving') ORDER BY id")
    if not active or sim.network.faults().unreachable:
        return None
    dues = []
    for file in active:
        step = _upload if file["direction"] == "sent" else _download
        due = sim.transact(partial(step, sim, file, now))
        if due is not None:
            dues.append(due)
    return min(dues, default=None)


def _stored(sim: Simulator, file: Json) -> Path:
    return sim.network.folder / "files" / str(file["storage"])


def _event(sim: Simulator, tag: str, file: Json, key: str, **facts: Any) -> None:
    user = sim.user_record(sim.user(file["userId"]))
    sim.emit(present({"type": tag, "user": user, key: chat_item(sim, file), **facts}))


# Up.


def _upload(sim: Simulator, file: Json, now: float) -> float | None:
    if "notBefore" in file:
        due = now + file["notBefore"]
        sim.store.update("files", file["fileId"], notBefore=None, due=due)
        return float(due)
    if file.get("due", 0) > now:
        return float(file["due"])
    chunks = chunk_sizes(file["fileSize"] + OVERHEAD)
    number, ends = file.get("chunk", 0), list(accumulate(chunks))
    if number < len(chunks):
        return _upload_chunk(sim, file, number, ends, now)
    _event(sim, "sndFileProgressXFTP", file, "chatItem_", fileTransferMeta=sent_record(file), sentSize=1, totalSize=1)
    text = _description(sim, file, chunks, "recipient")
    file = sim.store.update(
        "files", file["fileId"], state="complete", description=_description(sim, file, chunks, "sender")
    )
    set_item_status(sim, file, {"type": "sndComplete"})
    _event(sim, "sndFileCompleteXFTP", file, "chatItem", fileTransferMeta=sent_record(file))
    item = item_of_file(sim, file)
    if item is not None:
        params = {"text": text, "storage": file["storage"]}
        message = {"event": "x.msg.file.descr", "msgId": item["sharedMsgId"], "params": params}
        for connection in recipients(sim, file):
            delivery.send(sim, connection, [message])
    return None


def _upload_chunk(sim: Simulator, file: Json, number: int, ends: list[int], now: float) -> float | None:
    target = _stored(sim, file)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if number == 0:
            source = full_path(sim, file["filePath"])
            if "cryptoArgs" in file:
                target.write_bytes(cipher(source.read_bytes(), file["cryptoArgs"]))
            else:
                shutil.copyfile(source, target)
    except OSError as problem:
        sim.store.update("files", file["fileId"], state="failed")
        message = problem.strerror or "file error"
        failed = {"type": "other", "fileError": message}
        set_item_status(sim, file, {"type": "sndError", "sndFileError": failed})
        meta = sent_record(file)
        _event(sim, "sndFileError", file, "chatItem_", fileTransferMeta=meta, errorMessage=message)
        return None
    file = sim.store.update("files", file["fileId"], chunk=number + 1)
    sent, total = ends[number], ends[-1]
    set_item_status(sim, file, {"type": "sndTransfer", "sndProgress": sent, "sndTotal": total})
    meta = sent_record(file)
    _event(sim, "sndFileProgressXFTP", file, "chatItem_", fileTransferMeta=meta, sentSize=sent, totalSize=total)
    return now


def _description(sim: Simulator, file: Json, chunks: list[int], party: str) -> str:
    """Return the text in which the file servers' parts are described."""
    size = max(chunks) // KIB
    digest = base64.urlsafe_b64encode(hashlib.sha512(file["storage"].encode()).digest()).decode()
    server = sim.options.xftp_servers[0] if sim.options.xftp_servers else DEFAULT_XFTP_SERVER
    lines = [
        f"chunkSize: {size // KIB}mb" if size >= KIB else f"chunkSize: {size}kb",
        f"digest: {digest}",
        f"party: {party}",
        "replicas:",
        "- chunks:",
        *(f"  - {number}:{file['storage']}" for number in range(1, len(chunks) + 1)),
        f"  server: {server}",
        f"size: {sum(chunks) // KIB}kb",
    ]
    return "\n".join(lines) + "\n"


# Down.


def _download(sim: Simulator, file: Json, now: float) -> float | None:
    chunks = chunk_sizes(file["fileSize"] + OVERHEAD)
    number, ends = file.get("chunk", 0), list(accumulate(chunks))
    try:
        if number < len(chunks):
            if not _stored(sim, file).exists():
                raise FileNotFoundError
            file = sim.store.update("files", file["fileId"], chunk=number + 1)
            done, total = ends[number], ends[-1]
            set_item_status(sim, file, {"type": "rcvTransfer", "rcvProgress": done, "rcvTotal": total})
            facts = {"receivedSize": done, "totalSize": total, "rcvFileTransfer": received_record(file)}
            _event(sim, "rcvFileProgressXFTP", file, "chatItem_", **facts)
            return now
        _store(sim, file)
    except OSError as problem:
        _fail(sim, file, problem)
        return None
    file = sim.store.update("files", file["fileId"], state="complete", status="complete")
    set_item_status(sim, file, {"type": "rcvComplete"})
    _event(sim, "rcvFileComplete", file, "chatItem")
    return None


def _store(sim: Simulator, file: Json) -> None:
    """Put a file that is there as a whole where it belongs, through the temporary folder."""
    target = full_path(sim, file["filePath"])
    folder = sim.options.temp_folder or target.parent
    temporary = folder / f"xftp.rcv.{file['fileId']}.{file['storage']}"
    if "cryptoArgs" in file:
        temporary.write_bytes(cipher(_stored(sim, file).read_bytes(), file["cryptoArgs"]))
    else:
        shutil.copyfile(_stored(sim, file), temporary)
    shutil.move(temporary, target)


def _fail(sim: Simulator, file: Json, problem: OSError) -> None:
    sim.store.update("files", file["fileId"], state="failed")
    server = sim.options.xftp_servers[0] if sim.options.xftp_servers else DEFAULT_XFTP_SERVER
    missing = isinstance(problem, FileNotFoundError)
    message = "file not found" if missing else problem.strerror or "file error"
    set_item_status(sim, file, {"type": "rcvError", "rcvFileError": {"type": "other", "fileError": message}})
    failure: Json = {"type": "XFTP", "serverAddress": server, "xftpErr": {"type": "AUTH"}}
    if not missing:
        failure = {"type": "FILE", "fileErr": {"type": "FILE_IO", "fileIOError": message}}
    facts = {"agentError": failure, "rcvFileTransfer": received_record(file)}
    _event(sim, "rcvFileError", file, "chatItem_", **facts)
