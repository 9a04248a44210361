"""Connecting to others by their links, and groups of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from simplex_sync._conversation.links import Links, checked_role
from simplex_sync._conversation.newcomers import ContactRequests, GroupInvitations
from simplex_sync._conversation.waiting_room import LOOK_AGAIN, WaitingRoom, is_ready
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync._internal.failures import command_error
from simplex_sync.api import events, responses, types
from simplex_sync.errors import CommandError, EventTimeout, InvalidArgument

if TYPE_CHECKING:
    from simplex_sync._conversation.verbs import Verbs

__all__ = ["Connecting"]

# How many chats are looked through for connections that wait already.
_CHATS = 1_000


class Connecting(Links):
    """`connect_to`, `contact_requests`, `group_invitations`, `create_group`."""

    def connect_to(
        self, link: str, timeout: float | None = 120.0, *, incognito: bool = False
    ) -> types.Contact | types.GroupInfo:
        """Connect by a link and wait until that is done (`APIConnectPlan`, `APIConnect`).

        Where the link leads to a contact or a group that one is connected with, that one is given, and nothing is sent.

        Args:
            link: The link: an address, a one-time invitation, a link of a group or of a business.
            timeout: How long it may take in all, in seconds; None waits for ever.
            incognito: Whether the other side sees a random profile instead of the user's.

        Returns:
            The contact; of a link of a group or a business, the group.

        Raises:
            InvalidArgument: It is no link, or one's own; nothing was sent.
            EventTimeout: The other side did not answer in time. The request stays: call this again to wait on.
            NetworkError: The servers could not be reached.
            CommandError: The CLI answered with another error, such as for an invitation that was used already.
        """
        deadline = Deadline(check_timeout("connect_to", timeout))
        if not isinstance(link, str):
            raise InvalidArgument(f"connect_to: link must be a str, not {type(link).__name__}", argument="link")
        with WaitingRoom(self, "connect_to") as room:
            conn_id: int | None = None
            asked = repeated = False
            while True:
                plan = self._plan(link.strip(), deadline)
                if plan.connected is not None:
                    return plan.connected
                wanted = plan.connecting
                if not asked and wanted is None:
                    # Asked before, so it may be the connection of then that leads there, and its number is not known.
                    repeated = plan.repeated
                    wanted, conn_id = self._ask(link.strip(), plan, incognito, deadline)
                    if wanted is not None and is_ready(wanted):
                        return wanted
                asked = True
                found = room.wait(conn_id, wanted, deadline, any_other=repeated)
                if isinstance(found, (types.Contact, types.GroupInfo)):
                    return found
                if found is not LOOK_AGAIN:
                    raise EventTimeout(
                        f"connect_to: the other side did not answer in {deadline.seconds} seconds; the request stays, "
                        "so call connect_to again to wait on",
                        seconds=deadline.seconds,
                    )

    def _limited(self, deadline: Deadline) -> float | None:
        """Return how long one command may take, in seconds: the client's time, but not beyond the deadline."""
        return deadline.remaining() if self.timeout is None else max(deadline.at_most(self.timeout), 0.001)

    def _plan(self, link: str, deadline: Deadline) -> _Plan:
        """Look where a link leads."""
        try:
            answer = self.api_connect_plan(link, timeout=self._limited(deadline))
        except CommandError as error:
            if error.tag == "invalidConnReq":
                raise InvalidArgument(
                    "connect_to: this is no SimpleX link that the CLI knows", argument="link"
                ) from error
            raise
        except InvalidArgument as error:
            problem = str(error).partition(": ")[2].replace("connection_link", "link")
            raise InvalidArgument(f"connect_to: {problem}", argument="link") from error
        plan: Any = answer.connection_plan
        if isinstance(plan, types.ConnectionPlanError):
            raise command_error("connect_to", "APIConnectPlan", plan.chat_error.to_dict(), plan.chat_error)
        for name in ("invitation_link_plan", "contact_address_plan", "group_link_plan"):
            plan = getattr(plan, name, plan)
        if plan.tag == "ownLink":
            raise InvalidArgument("connect_to: this is the user's own link", argument="link")
        if plan.tag in ("noRelays", "updateRequired"):
            problem = "it has no relays" if plan.tag == "noRelays" else "it needs a newer one"
            raise InvalidArgument(f"connect_to: the group cannot be joined by this CLI: {problem}", argument="link")
        names = ("contact", "contact_", "group_info", "group_info_")
        target: Any = next((value for name in names if (value := getattr(plan, name, None)) is not None), None)
        connected = plan.tag == "known" and (isinstance(target, types.GroupInfo) or is_ready(target))
        begun = not connected and plan.tag in ("known", "connecting", "connectingProhibit")
        return _Plan(
            link=answer.conn_link,
            connected=target if connected else None,
            connecting=target if begun else None,
            begun=begun,
            repeated=plan.tag == "connectingConfirmReconnect",
        )

    def _ask(
        self, link: str, plan: _Plan, incognito: bool, deadline: Deadline
    ) -> tuple[types.Contact | None, int | None]:
        """Ask to be connected; return the contact where there is one already, and the number of the connection."""
        waiting = self._waiting_connection({link, *_links(plan.link)}, deadline) if plan.begun else None
        if waiting is not None:
            return None, waiting
        answer: Any = self.api_connect(prepared_link_=plan.link, incognito=incognito, timeout=self._limited(deadline))
        if isinstance(answer, responses.ContactAlreadyExists):
            return answer.contact, None
        return None, answer.connection.pcc_conn_id

    def _waiting_connection(self, links: set[str], deadline: Deadline) -> int | None:
        """Return the number of a connection that waits already for the other side of a one-time invitation."""
        page = types.PaginationByTimeLast(count=_CHATS)
        for chat in self.api_get_chats(page, pending_connections=True, timeout=self._limited(deadline)).chats:
            info = chat.chat_info
            if isinstance(info, types.ChatInfoContactConnection):
                own = info.contact_connection.conn_link_inv
                if own is not None and links.intersection(_links(own)):
                    return info.contact_connection.pcc_conn_id
        return None

    def contact_requests(self, timeout: float | None = None) -> ContactRequests:
        """Return a blocking iterator over those who want to be contacts: who waits already, then who comes.

        Args:
            timeout: End the iteration when nobody has come for so many seconds. Default: never.

        Returns:
            An iterator of `ContactRequest`; call its `accept()` or `reject()`.

        Raises:
            ConnectionLost: The client is closed, or its CLI is gone for good.
        """
        seconds = check_timeout("contact_requests", timeout)
        return ContactRequests(cast("Verbs", self), "contact_requests", events.ReceivedContactRequest.tag, seconds)

    def group_invitations(self, timeout: float | None = None) -> GroupInvitations:
        """Return a blocking iterator over invitations into groups: those that wait already, then those that come.

        Args:
            timeout: End the iteration when none has come for so many seconds. Default: never.

        Returns:
            An iterator of `GroupInvitation`; call its `accept()` or `reject()`.

        Raises:
            ConnectionLost: The client is closed, or its CLI is gone for good.
        """
        seconds = check_timeout("group_invitations", timeout)
        return GroupInvitations(cast("Verbs", self), "group_invitations", events.ReceivedGroupInvitation.tag, seconds)

    def create_group(
        self,
        name: str,
        *,
        full_name: str = "",
        description: str | None = None,
        members: Sequence[types.Contact | str] = (),
        role: str = "member",
        incognito: bool = False,
        timeout: float | None = None,
    ) -> types.GroupInfo:
        """Create a group and invite contacts into it (`APINewGroup`, `APIAddMember`).

        Args:
            name: The display name.
            full_name: A longer name.
            description: A welcome that new members see.
            members: The contacts to invite: records or local display names.
            role: Their role: `"observer"`, `"author"`, `"member"`, `"moderator"`, `"admin"` or `"owner"`.
            incognito: Whether members see a random profile instead of the user's.
            timeout: How long each of the commands may take, in seconds. Default: the client's timeout.

        Returns:
            The group.

        Raises:
            InvalidArgument: An argument cannot be right, or there is no such contact; nothing was made.
            CommandError: The CLI answered with an error.
        """
        if not isinstance(name, str) or not name.strip():
            raise InvalidArgument("create_group: name must be a text that is not empty", argument="name")
        if isinstance(members, str):
            raise InvalidArgument("create_group: members must be a list", argument="members")
        if any(isinstance(each, str) for each in members):
            contacts = [self.contact(each) if isinstance(each, str) else each for each in members]
        else:
            contacts = cast("list[types.Contact]", list(members))
        ids = [self._chat_ref("create_group", each, "members").chat_id for each in contacts]
        member_role = checked_role("create_group", role)
        profile = types.GroupProfile(display_name=name, full_name=full_name, description=description)
        group = self.api_new_group(profile, incognito=incognito, timeout=timeout).group_info
        for contact_id in ids:
            self.api_add_member(group.group_id, contact_id, member_role=member_role, timeout=timeout)
        return group


class _Plan(NamedTuple):
    """Where a link leads.

    Attributes:
        link: The link in both forms.
        connected: The contact or group that one is connected with, or None.
        connecting: The contact or group that is being connected, or None where it is not known.
        begun: Whether the connection is on its way.
        repeated: Whether the user has asked before, and may ask again.
    """

    link: types.CreatedConnLink
    connected: types.Contact | types.GroupInfo | None
    connecting: types.Contact | types.GroupInfo | None
    begun: bool
    repeated: bool


def _links(link: types.CreatedConnLink) -> list[str]:
    return [each for each in (link.conn_full_link, link.conn_short_link) if each is not None]
