"""Business addresses: who connects through one gets a group of his own with the business, not a contact.

To the business the group has the customer's name, to the customer that of the business. Requests to a business address
that does not accept by itself become ordinary contact requests here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import delivery, group_items, group_records, groups
from .addresses import request_taker
from .clock import EPOCH
from .group_admission import admit, joined_hook, let_in
from .group_commands import create_group
from .group_features import business_preferences
from .records import plain_profile

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


def _profile_as(profile: Json, preferences: Json) -> Json:
    """Return the profile of a group that stands for a person or a business."""
    shown: Json = {key: profile[key] for key in ("displayName", "fullName", "shortDescr", "image") if key in profile}
    shown["groupPreferences"] = preferences
    return shown


@request_taker
def _customer(sim: Simulator, user: Json, link: Json, body: Json) -> bool:
    """At the business: a customer comes."""
    settings = link.get("addressSettings", {})
    if not settings.get("businessAddress") or "autoAccept" not in settings:
        return False
    if sim.store.first("connections", userId=user["userId"], agentInvitation=body["xContactId"]) is not None:
        return True
    profile = plain_profile(body["profile"])
    preferences = business_preferences(user["profile"])
    group = create_group(sim, user, _profile_as(profile, preferences))
    member, connection = admit(sim, user, group, link, body, profile, memberRole="member", memberStatus="accepted")
    if connection is None:
        return True
    own = groups.membership(sim, group)
    parties = {"businessId": own["memberId"], "customerId": member["memberId"]}
    group = sim.store.update("groups", group["groupId"], businessChat={"chatType": "customer", **parties})
    group_items.new_item(sim, group, None, {"type": "chatBanner"}, "chat banner", "sndNew", item_ts=EPOCH)
    features = group_items.tell_features(sim, group, None)
    sim.emit(group_items.new_items_event(sim, features))
    record = group_records.group_record(sim, groups.group_of(sim, member))
    sim.emit({"type": "acceptingBusinessRequest", "user": sim.user_record(user), "groupInfo": record})
    business = {"chatType": "business", **parties}
    shown = _profile_as(plain_profile(user["profile"]), preferences)
    let_in(sim, group, member, connection, groupProfile=shown, businessChat=business)
    return True


@joined_hook
def _joined(sim: Simulator, group: Json, connection: Json) -> None:
    """At the business: the customer is connected, and is told the group's profile once more."""
    if "businessChat" in group:
        user = sim.user(group["userId"])
        profile = _profile_as(plain_profile(user["profile"]), group["groupProfile"]["groupPreferences"])
        delivery.send(sim, connection, [{"event": "x.grp.info", "params": {"groupProfile": profile}}])
