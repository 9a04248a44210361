"""The commands that make and use connection links."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import delivery, publishing
from .commands import command
from .connections import incognito_profile, new_connection, own_profile, require_servers, smp_server
from .failure import error, link_gone
from .links import CONTACT, INVITATION, ParsedLink, make_link, parse_link, random_id
from .records import contact_record, pending_connection_record, present
from .users import profile_for

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# What other kinds of links do: `(sim, user, published link, names) -> plan`, `(…, incognito) -> response`.
Planner = Callable[["Simulator", Json, Json], Json]
Joiner = Callable[["Simulator", Json, Json, bool], Json]
_PLANNERS: dict[str, Planner] = {}
_JOINERS: dict[str, Joiner] = {}


def link_kind(kind: str, planner: Planner, joiner: Joiner) -> None:
    """Register what a kind of published link means.

    Args:
        kind: The link's `kind` (e.g. `g`).
        planner: Returns the `ConnectionPlan` for `(sim, user, link)`.
        joiner: Joins for `(sim, user, link, incognito)` and returns the response.
    """
    _PLANNERS[kind] = planner
    _JOINERS[kind] = joiner


@command("/_connect {user_id:int}[ incognito={incognito:onoff}]", network=True)
def add_contact(sim: Simulator, user_id: int, incognito: bool = False) -> Json:
    user = sim.expect_user(user_id)
    require_servers(sim)
    server = smp_server(sim)
    made = make_link(INVITATION, server)
    conn_link = {"connFullLink": made.full, "connShortLink": made.short}
    connection = new_connection(
        sim,
        user_id,
        "pending",
        connType="contact",
        connStatus="new",
        queue=made.queue,
        server=server,
        connLinkInv=conn_link,
        linkNames=made.names,
        linkQueue=made.names[0],
        linkShort=made.names[1],
        contactConnInitiated=True,
    )
    profile = profile_for(user)
    if incognito:
        profile_id, profile = incognito_profile(sim, user_id)
        connection = sim.store.update("connections", connection["connId"], customUserProfileId=profile_id)
    publishing.put_link(
        sim,
        made.names,
        {
            "kind": INVITATION,
            "peer": {"node": sim.network.node, "queue": made.queue},
            "connLink": conn_link,
            "server": server,
            "profile": profile,
            "business": False,
            "owner": [sim.network.node, user_id],
        },
    )
    return {
        "type": "invitation",
        "user": sim.user_record(user),
        "connLinkInvitation": conn_link,
        "connection": pending_connection_record(connection),
    }


@command("/connect incognito", network=True)
def add_contact_incognito(sim: Simulator) -> Json:
    return add_contact(sim, sim.active_user()["userId"], True)


@command("/connect[ incognito={mode:onoff}]", network=True)
def add_contact_of_active_user(sim: Simulator, mode: bool = False) -> Json:
    return add_contact(sim, sim.active_user()["userId"], mode)


# Plans.


def _known_connection(sim: Simulator, user: Json, parsed: ParsedLink) -> Json | None:
    """Return the document of the connection that was made through a link, or None."""
    column = "linkQueue" if parsed.name.startswith("q:") else "linkShort"
    equals: Json = {"userId": user["userId"], column: parsed.name}
    found = sim.store.find("connections", **equals)
    # Who asked more than once has several, of which at most one became a contact's.
    return next((one for one in found if one["entityType"] == "contact"), found[0] if found else None)


def _published(sim: Simulator, parsed: ParsedLink) -> Json:
    require_servers(sim)
    link = sim.network.get_link(parsed.name)
    if link is None:
        raise link_gone(parsed.server)
    return link


def _plan(sim: Simulator, user: Json, text: str) -> tuple[Json, Json, Json | None]:
    """Return the link, the plan for it, and what is published of it.

    Raises:
        ChatError: `invalidConnReq`, or what the server says.
    """
    parsed = parse_link(text)
    if parsed is None:
        raise error("invalidConnReq")
    connection = _known_connection(sim, user, parsed)
    known = connection is not None and "groupLinkId" not in connection
    if connection is not None and known and connection["entityType"] in ("contact", "pending"):
        return connection.get("connLinkUsed") or connection.get("connLinkInv") or {}, _known_plan(sim, connection), None
    link = _published(sim, parsed)
    conn_link = dict(link["connLink"])
    if parsed.name.startswith("q:"):
        conn_link.pop("connShortLink", None)
    if link["kind"] in _PLANNERS:
        return conn_link, _PLANNERS[link["kind"]](sim, user, link), link
    if link["owner"] == [sim.network.node, user["userId"]]:
        plan: Json = {"type": "ownLink"}
    else:
        plan = {"type": "ok"}
        if "connShortLink" in conn_link:
            plan["contactSLinkData_"] = {"profile": link["profile"], "business": link["business"]}
    return conn_link, _typed_plan(link["kind"], plan), link


def _typed_plan(kind: str, plan: Json) -> Json:
    if kind == INVITATION:
        return {"type": "invitationLink", "invitationLinkPlan": plan}
    return {"type": "contactAddress", "contactAddressPlan": plan}


def _known_plan(sim: Simulator, connection: Json) -> Json:
    kind = INVITATION if "connLinkInv" in connection else CONTACT
    if connection["entityType"] == "contact":
        contact = sim.store.get("contacts", connection["entityId"]) or {}
        return _typed_plan(kind, {"type": "known", "contact": contact_record(sim, contact, connection)})
    if kind == CONTACT:
        return _typed_plan(kind, {"type": "connectingConfirmReconnect"})
    return _typed_plan(kind, {"type": "ownLink" if connection["connStatus"] == "new" else "connecting"})


@command("/_connect plan {user_id:int}[ {link:text}]", network=True)
def connect_plan(sim: Simulator, user_id: int, link: str = "") -> Json:
    if parse_link(link) is None:
        raise error("invalidConnReq")
    user = sim.expect_user(user_id)
    conn_link, plan, _ = _plan(sim, user, link)
    return {
        "type": "connectionPlan",
        "user": sim.user_record(user),
        "connLink": conn_link,
        "connectionPlan": plan,
    }


# Joining.


@command("/_connect {user_id:int}[ incognito={incognito:onoff}] {link:text}", network=True)
def api_connect(sim: Simulator, user_id: int, link: str, incognito: bool = False) -> Json:
    full, _, short = link.partition(" ")
    parsed = parse_link(full)
    if parsed is None or not parsed.name.startswith("q:") or (short and parse_link(short) is None):
        raise error("invalidConnReq")
    user = sim.expect_user(user_id)
    known = _known_connection(sim, user, parsed)
    if known is not None and known["entityType"] == "contact":
        contact = sim.store.get("contacts", known["entityId"]) or {}
        record = contact_record(sim, contact, known)
        return {"type": "contactAlreadyExists", "user": sim.user_record(user), "contact": record}
    published = _published(sim, parsed)
    if not short:
        published = {**published, "connLink": {"connFullLink": published["connLink"]["connFullLink"]}}
    return _join(sim, user, published, incognito)


@command("/connect[ incognito={mode:onoff}] {link:word}", network=True)
def connect(sim: Simulator, link: str, mode: bool = False) -> Json:
    return _connect(sim, link, mode)


@command("/connect {_mode:choice:incognito} {link:word}", network=True)
def connect_incognito(sim: Simulator, link: str, _mode: str) -> Json:
    return _connect(sim, link, True)


def _connect(sim: Simulator, link: str, incognito: bool) -> Json:
    user = sim.active_user()
    conn_link, plan, published = _plan(sim, user, link)
    detail = next(value for key, value in plan.items() if key != "type")
    if published is None and detail["type"] == "connectingConfirmReconnect":
        published = _published(sim, parse_link(link) or ParsedLink("", "", ""))
    if published is None or detail["type"] not in ("ok", "ownLink", "connectingConfirmReconnect"):
        record = {"connLink": conn_link, "connectionPlan": plan}
        return {"type": "connectionPlan", "user": sim.user_record(user), **record}
    return _join(sim, user, {**published, "connLink": conn_link}, incognito)


def _join(sim: Simulator, user: Json, link: Json, incognito: bool) -> Json:
    if link["kind"] in _JOINERS:
        return _JOINERS[link["kind"]](sim, user, link, incognito)
    user_id = user["userId"]
    invitation = link["kind"] == INVITATION
    conn_link = link["connLink"]
    queue_name, short_name = link["names"]
    if invitation and not sim.network.claim_link(queue_name, f"{sim.network.node}/{user_id}"):
        raise link_gone(link["server"])
    # Who asks again is known by the same id.
    before = sim.store.first("connections", userId=user_id, linkQueue=queue_name, entityType="pending")
    x_contact_id = (before or {}).get("xContactId") or random_id(16) + "=="
    connection = new_connection(
        sim,
        user_id,
        "pending",
        connType="contact",
        connStatus="snd-ready" if invitation else "joined",
        viaContactUri=not invitation,
        connLinkInv=conn_link if invitation else None,
        connLinkUsed=conn_link,
        linkQueue=queue_name,
        linkShort=short_name if "connShortLink" in conn_link else None,
        contactConnInitiated=not invitation,
        peer=link["peer"],
        xContactId=None if invitation else x_contact_id,
    )
    if incognito:
        profile_id, _ = incognito_profile(sim, user_id)
        connection = sim.store.update("connections", connection["connId"], customUserProfileId=profile_id)
    profile = own_profile(sim, user, connection)
    if invitation:
        delivery.post(sim, connection, "invitation.join", profile=profile)
    else:
        delivery.post(sim, connection, "contact.request", profile=profile, xContactId=connection["xContactId"])
    response = {
        "type": "sentConfirmation" if invitation else "sentInvitation",
        "user": sim.user_record(user),
        "connection": pending_connection_record(connection),
        "customUserProfile": profile if incognito else None,
    }
    return present(response)
