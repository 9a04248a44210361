"""Links that this database offers: noted in the database, and put into the network folder after the commit.

So a link is never offered or taken away by a command that failed; and what a killed process left undone is done at the
next start.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .store import define_table

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# `owner` is the user's id; not `userId`, since these documents must outlive their user until the links are gone.
define_table("publishedLinks", "publishedLinkId", {"name": "TEXT", "owner": "INTEGER", "gone": "INTEGER"})


def put_link(sim: Simulator, names: list[str], about: Json) -> None:
    """Publish a link, or publish it anew.

    Args:
        sim: The simulator.
        names: What finds it: the queue of its full form, the key of its short form.
        about: What connecting to it needs; its `owner` is the node and the user.
    """
    old = sim.store.first("publishedLinks", name=names[0])
    if old is None:
        sim.store.insert(
            "publishedLinks", {"name": names[0], "names": names, "owner": about["owner"][1], "about": about}
        )
    else:
        sim.store.update("publishedLinks", old["publishedLinkId"], about=about)
    sim.after_commit(partial(sim.network.put_link, names, about))


def put_own_link(sim: Simulator, link: Json, kind: str, owner: list[int | str], **facts: Any) -> None:
    """Publish an address or the link of a group (anew).

    Args:
        sim: The simulator.
        link: Its document.
        kind: Its kind, as in the path of its short form.
        owner: The node, the user, and the group where it is a group's.
        **facts: What else joining it needs.
    """
    connection = sim.store.get("connections", link["connId"]) or {}
    about = {
        "kind": kind,
        "peer": {"node": sim.network.node, "queue": connection["queue"]},
        "connLink": link["connLinkContact"],
        "server": link["server"],
        "owner": owner,
    }
    put_link(sim, link["names"], {**about, **facts})


def delete_link(sim: Simulator, names: list[str]) -> None:
    """Take a link away; nothing happens where it is none of this database's."""
    for document in [found for name in names[:1] for found in sim.store.find("publishedLinks", name=name)]:
        _take_away(sim, document)


def delete_links_of(sim: Simulator, user_id: int) -> None:
    """Take all links of a user away."""
    for document in sim.store.find("publishedLinks", owner=user_id):
        _take_away(sim, document)


def _take_away(sim: Simulator, document: Json) -> None:
    sim.store.update("publishedLinks", document["publishedLinkId"], gone=True)
    sim.after_commit(partial(_finish, sim, document))


def _finish(sim: Simulator, document: Json) -> None:
    sim.network.delete_link(document["names"])
    sim.store.delete("publishedLinks", document["publishedLinkId"])


def restore(sim: Simulator) -> None:
    """Bring the network folder to what the database says."""
    for document in sim.store.find("publishedLinks"):
        if document.get("gone"):
            _finish(sim, document)
        elif sim.network.get_link(document["name"]) != {"names": document["names"], **document["about"]}:
            sim.network.put_link(document["names"], document["about"])
