"""Links by which others connect: the user's address, one-time invitations, links of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from simplex_sync._conversation.receiving import Receiving
from simplex_sync._conversation.waiting_room import WaitingRoom, contact_of_connection
from simplex_sync._internal.deadline import Deadline, check_timeout
from simplex_sync.api import types
from simplex_sync.errors import CommandError, EventTimeout, InvalidArgument

if TYPE_CHECKING:
    from simplex_sync._conversation.message import Message
    from simplex_sync._conversation.showing import QRCode
    from simplex_sync._conversation.verbs import Verbs

__all__ = ["Address", "GroupLink", "Invitation", "Link", "Links"]


class Link:
    """A link that others connect by.

    Jupyter shows it as a QR code; so does `print(link.qr())` in a terminal.

    Attributes:
        link: The link to give to others, the short form where there is one.
        full_link: The long form, which older apps need.
    """

    def __init__(self, client: Verbs, created: types.CreatedConnLink) -> None:
        self._client = client
        self.full_link = created.conn_full_link
        self.link = created.conn_short_link or created.conn_full_link

    def qr(self) -> QRCode:
        """Return the link as a QR code: printed as blocks in a terminal, drawn in a notebook."""
        from simplex_sync._conversation.showing import QRCode

        return QRCode(self.link)

    def _repr_svg_(self) -> str:
        return self.qr()._repr_svg_()

    def __str__(self) -> str:
        return self.link

    def __repr__(self) -> str:
        # A link is as good as a key, so it is not shown where it could get into a log.
        return f"<{type(self).__name__}>"


class Address(Link):
    """The user's address: whoever has it can ask to be a contact; made by `SimplexChat.address`.

    Attributes:
        record: The whole record, `types.UserContactLink`.
    """

    def __init__(self, client: Verbs, record: types.UserContactLink) -> None:
        super().__init__(client, record.conn_link_contact)
        self.record = record

    @property
    def settings(self) -> types.AddressSettings:
        """Whether contacts are accepted, and with which welcome."""
        return self.record.address_settings

    def delete(self, timeout: float | None = None) -> None:
        """Delete the address (`APIDeleteMyAddress`): nobody can connect by it any more, and contacts stay.

        Args:
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            CommandError: The CLI answered with an error.
        """
        self._client.api_delete_my_address(timeout=timeout)


class GroupLink(Link):
    """A link by which anybody can join a group; made by `SimplexChat.group_link`.

    Attributes:
        record: The whole record, `types.GroupLink`.
        group: The group.
    """

    def __init__(self, client: Verbs, record: types.GroupLink, group: types.GroupInfo) -> None:
        super().__init__(client, record.conn_link_contact)
        self.record = record
        self.group = group

    def delete(self, timeout: float | None = None) -> None:
        """Delete the link (`APIDeleteGroupLink`): nobody can join by it any more, and members stay.

        Args:
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            CommandError: The CLI answered with an error.
        """
        self._client.api_delete_group_link(self.group.group_id, timeout=timeout)


class Invitation(Link):
    """A one-time invitation, for one contact; made by `SimplexChat.invite`.

    Attributes:
        connection: The record of the connection that waits for the contact.
    """

    def __init__(
        self, client: Verbs, created: types.CreatedConnLink, connection: types.PendingContactConnection
    ) -> None:
        super().__init__(client, created)
        self.connection = connection

    def wait_connected(self, timeout: float | None = None) -> types.Contact:
        """Wait until somebody has connected by this invitation.

        Args:
            timeout: How long to wait, in seconds. Default: the client's timeout.

        Returns:
            The contact; the same when called again.

        Raises:
            EventTimeout: Nobody has connected in time; the invitation stays valid.
            ConnectionLost: The client was closed, or its CLI is gone for good.
        """
        client = self._client
        deadline = Deadline(client.timeout if timeout is None else check_timeout("wait_connected", timeout))
        conn_id = self.connection.pcc_conn_id
        with WaitingRoom(client, "wait_connected") as room:
            while True:
                contact = contact_of_connection(client, conn_id)
                if contact is not None:
                    return contact
                found = room.wait(conn_id, None, deadline)
                if isinstance(found, types.Contact):
                    return found
                if deadline.passed:
                    raise EventTimeout(
                        f"wait_connected: nobody has connected in {deadline.seconds} seconds; it stays valid",
                        seconds=deadline.seconds,
                    )

    def cancel(self, timeout: float | None = None) -> None:
        """Withdraw the invitation (`APIDeleteChat` of the waiting connection).

        Args:
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Raises:
            CommandError: The CLI answered with an error, such as for an invitation that was used already.
        """
        ref = types.ChatRef(chat_type=types.ChatType.CONTACT_CONNECTION, chat_id=self.connection.pcc_conn_id)
        mode = types.ChatDeleteModeFull(notify=False)
        self._client.api_delete_chat(ref, chat_delete_mode=mode, timeout=timeout)


class Links(Receiving):
    """`address`, `accept_contacts`, `invite`, `group_link`, `create_group`."""

    def address(self, timeout: float | None = None) -> Address:
        """Return the user's address, which is made where there is none (`APIShowMyAddress`, `APICreateMyAddress`).

        Args:
            timeout: How long each of the commands may take, in seconds. Default: the client's timeout.

        Raises:
            NetworkError: The servers could not be reached to make it.
            CommandError: The CLI answered with another error.
        """
        record = self._shown_address(timeout)
        if record is None:
            try:
                self.api_create_my_address(timeout=timeout)
            except CommandError as error:
                if error.tag != "duplicateContactLink":  # somebody else was quicker
                    raise
            record = self.api_show_my_address(timeout=timeout).contact_link
        return Address(cast("Verbs", self), record)

    def _shown_address(self, timeout: float | None) -> types.UserContactLink | None:
        try:
            return self.api_show_my_address(timeout=timeout).contact_link
        except CommandError as error:
            if error.tag != "userContactLinkNotFound":
                raise
        return None

    def accept_contacts(
        self,
        welcome: str | None = None,
        business: bool = False,
        *,
        incognito: bool = False,
        timeout: float | None = None,
    ) -> Address:
        """Accept everybody who connects to the user's address from now on (`APISetAddressSettings`).

        Requests that came before stay: see `contact_requests`.

        Args:
            welcome: A message that each new contact gets.
            business: Whether each contact gets a group of its own, which colleagues can be added to.
            incognito: Whether each contact sees a random profile instead of the user's.
            timeout: How long each of the commands may take, in seconds. Default: the client's timeout.

        Returns:
            The address.

        Raises:
            InvalidArgument: An argument cannot be right; nothing was changed.
            CommandError: The CLI answered with an error.
        """
        if welcome is not None and (not isinstance(welcome, str) or not welcome):
            raise InvalidArgument(
                "accept_contacts: welcome must be a text that is not empty, or None", argument="welcome"
            )
        if business and incognito:
            raise InvalidArgument("accept_contacts: a business address cannot be incognito", argument="incognito")
        self.address(timeout)
        settings = types.AddressSettings(
            business_address=bool(business),
            auto_accept=types.AutoAccept(accept_incognito=bool(incognito)),
            auto_reply=None if welcome is None else types.MsgContentText(text=welcome),
        )
        answer = self.api_set_address_settings(settings, timeout=timeout)
        return Address(cast("Verbs", self), answer.contact_link)

    def invite(self, *, incognito: bool = False, timeout: float | None = None) -> Invitation:
        """Make a one-time invitation (`APIAddContact`).

        Args:
            incognito: Whether the contact sees a random profile instead of the user's.
            timeout: How long it may take, in seconds. Default: the client's timeout.

        Returns:
            The invitation: give its `link` to somebody and call `wait_connected()`.

        Raises:
            NetworkError: The servers could not be reached.
            CommandError: The CLI answered with another error.
        """
        answer = self.api_add_contact(incognito=incognito, timeout=timeout)
        return Invitation(cast("Verbs", self), answer.conn_link_invitation, answer.connection)

    def group_link(
        self,
        group: types.GroupInfo | types.ChatRef | Message | str,
        role: str = "member",
        *,
        timeout: float | None = None,
    ) -> GroupLink:
        """Return the link of a group, which is made where there is none (`APIGetGroupLink`, `APICreateGroupLink`).

        Args:
            group: The group, as for `members`.
            role: The role of those who join by it: `"observer"`, `"author"`, `"member"`, `"moderator"` or `"admin"`.
                Only for a link that is made now.
            timeout: How long each of the commands may take, in seconds. Default: the client's timeout.

        Raises:
            InvalidArgument: There is no such group or role; nothing was sent.
            CommandError: The CLI answered with an error.
        """
        member_role = checked_role("group_link", role)
        group_id = self._group_id("group_link", group, timeout)
        try:
            shown = self.api_get_group_link(group_id, timeout=timeout)
            return GroupLink(cast("Verbs", self), shown.group_link, shown.group_info)
        except CommandError as error:
            if error.tag != "groupLinkNotFound":
                raise
        try:
            made = self.api_create_group_link(group_id, member_role=member_role, timeout=timeout)
            return GroupLink(cast("Verbs", self), made.group_link, made.group_info)
        except CommandError as error:
            if error.tag != "duplicateGroupLink":  # somebody else was quicker
                raise
        shown = self.api_get_group_link(group_id, timeout=timeout)
        return GroupLink(cast("Verbs", self), shown.group_link, shown.group_info)


def checked_role(method: str, role: object) -> types.GroupMemberRole:
    """Return the role of a group member.

    Args:
        method: The name of the method that was called.
        role: The name of the role.

    Raises:
        InvalidArgument: There is no such role.
    """
    for known in types.GroupMemberRole:
        if isinstance(role, str) and role == known:
            return known
    names = ", ".join(map(str, types.GroupMemberRole))
    raise InvalidArgument(f"{method}: role must be one of {names}", argument="role")
