"""What changed its form between 6.4.5 and 7.0.2 decodes in both, comes back in both, and is read in one way."""

from __future__ import annotations

from typing import Any

import pytest

from simplex_sync.api import responses, types


@pytest.mark.parametrize("wire", ["snd-ready", "sndReady", {"type": "sndReady"}, {"type": "snd-ready"}])
def test_conn_status_is_read_in_one_way(wire: Any) -> None:
    connection = types.Connection.from_dict({"connId": 1, "connStatus": wire})
    status = connection.conn_status
    assert status == types.ConnStatus.SND_READY == "snd-ready"
    assert status == "sndReady"
    assert status != types.ConnStatus.READY
    assert status != "ready"
    assert status != 5
    assert status.tag == "sndReady"
    assert hash(status) == hash(types.ConnStatus.SND_READY)
    assert connection.to_dict() == {"connId": 1, "connStatus": wire}
    assert repr(status) == "ConnStatus(sndReady)"


def test_conn_status_failed_has_its_error() -> None:
    wire = {"type": "failed", "connError": "secret"}
    status = types.ConnStatus.from_dict(wire)
    assert (status.tag, status.conn_error) == ("failed", "secret")
    assert status.to_dict() == wire
    assert "secret" not in repr(status)
    made = types.ConnStatus(tag="failed", conn_error="x")
    assert made.to_dict() == {"type": "failed", "connError": "x"}
    assert types.ConnStatus.READY.to_dict() == {"type": "ready"}


@pytest.mark.parametrize("wire", ["later", {"type": "later", "more": [1]}, {"type": 7}, 5, None, ["x"]])
def test_other_forms_of_conn_status_are_kept(wire: Any) -> None:
    connection = types.Connection.from_dict({"connStatus": wire})
    assert connection.to_dict() == {"connStatus": wire}


def test_every_documented_status_is_a_member() -> None:
    for tag in ("new", "prepared", "joined", "requested", "accepted", "ready", "deleted", "failed"):
        assert getattr(types.ConnStatus, tag.upper()) == tag


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        ({"type": "complete", "filePath": "a b"}, "a b"),
        ({"type": "complete", "fileInfo": {"filePath": "a b", "connId": 3}}, "a b"),
        ({"type": "cancelled", "filePath_": "c"}, "c"),
        ({"type": "cancelled", "fileInfo_": {"filePath": "c"}}, "c"),
        ({"type": "cancelled"}, None),
        ({"type": "new"}, None),
        ({"type": "accepted", "filePath": 5}, None),
        ({"type": "later", "filePath": "x"}, None),
    ],
)
def test_the_path_of_a_received_file_is_read_in_one_way(wire: dict[str, Any], path: str | None) -> None:
    status = types.RcvFileStatus.from_dict(wire)
    assert status.path == path
    assert status.to_dict() == wire


def test_the_groups_of_a_list_are_read_in_one_way() -> None:
    info: dict[str, Any] = {"groupId": 7, "localDisplayName": "team"}
    old = {"type": "groupsList", "groups": [{"groupInfo": info, "groupSummary": {"currentMembers": 2}}]}
    new = {"type": "groupsList", "groups": [{**info, "groupSummary": {"currentMembers": 2}}]}
    for wire in (old, new):
        response = responses.decode(wire)
        assert isinstance(response, responses.GroupsList)
        assert [group.group_id for group in response.group_infos] == [7]
        assert response.to_dict() == wire


@pytest.mark.parametrize("profile", [{"displayName": "a", "fullName": ""}, {"profileId": 3, "displayName": "a"}])
def test_the_profile_of_a_request_may_be_of_both_kinds(profile: dict[str, Any]) -> None:
    request = types.UserContactRequest.from_dict({"contactRequestId": 1, "profile": profile})
    assert isinstance(request.profile, types.LocalProfile if "profileId" in profile else types.Profile)
    assert request.profile.display_name == "a"
    assert request.to_dict() == {"contactRequestId": 1, "profile": profile}
