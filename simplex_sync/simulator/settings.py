"""Commands about the program itself: its version, its servers and its settings, starting and stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .clock import timestamp
from .commands import command
from .connections import smp_server
from .failure import CommandStops
from .links import DEFAULT_XFTP_SERVER

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

_APP_SETTINGS: Json = {
    "networkConfig": {
        "socksMode": "always",
        "hostMode": "onionViaSocks",
        "requiredHostMode": False,
        "sessionMode": "session",
        "smpProxyMode": "never",
        "smpProxyFallback": "allow",
        "smpWebPortServers": "preset",
        "tcpConnectTimeout": {"backgroundTimeout": 45_000_000, "interactiveTimeout": 15_000_000},
        "tcpTimeout": {"backgroundTimeout": 30_000_000, "interactiveTimeout": 10_000_000},
        "tcpTimeoutPerKb": 5000,
        "rcvConcurrency": 8,
        "tcpKeepAlive": {"keepIdle": 30, "keepIntvl": 15, "keepCnt": 4},
        "smpPingInterval": 600_000_000,
        "smpPingCount": 3,
        "logTLSErrors": False,
    },
    "privacyEncryptLocalFiles": True,
    "privacyAskToApproveRelays": True,
    "privacyAcceptImages": True,
    "privacyLinkPreviews": True,
    "privacyShowChatPreviews": True,
    "privacySaveLastDraft": True,
    "privacyProtectScreen": False,
    "privacyMediaBlurRadius": 0,
    "notificationMode": "instant",
    "notificationPreviewMode": "message",
    "webrtcPolicyRelay": True,
    "webrtcICEServers": [],
    "confirmRemoteSessions": False,
    "connectRemoteViaMulticast": True,
    "connectRemoteViaMulticastAuto": True,
    "developerTools": False,
    "confirmDBUpgrades": False,
    "androidCallOnLockScreen": "show",
    "iosCallKitEnabled": True,
    "iosCallKitCallsInRecents": False,
    "uiProfileImageCornerRadius": 22.5,
    "uiChatItemRoundness": 0.75,
    "uiChatItemTail": True,
    "uiColorScheme": "SYSTEM",
    "uiDarkColorScheme": "SIMPLEX",
    "oneHandUI": True,
    "chatBottomBar": True,
}


@command("/_start[ main={_main:onoff}][ snd_files={_send_files:onoff}]")
def start_chat(_sim: Simulator, _main: bool = True, _send_files: bool = True) -> Json:
    return {"type": "chatRunning"}


@command("/_stop")
def stop_chat(_sim: Simulator) -> Json:
    raise CommandStops


@command("/_check running")
def check_running(_sim: Simulator) -> Json:
    return {"type": "chatRunning"}


@command("/version")
def show_version(sim: Simulator) -> Json:
    version = sim.options.version
    library = version.rpartition(".")[0] + ".2"
    return {
        "type": "versionInfo",
        "versionInfo": {"version": version, "simplexmqVersion": library, "simplexmqCommit": ""},
        # The simulator's own: it has no history of migrations yet.
        "chatMigrations": [{"upName": "20250802_simulator", "withDown": True}],
        "agentMigrations": [{"upName": "m20250702_simulator", "withDown": True}],
    }


@command("/_operators")
def server_operators(sim: Simulator) -> Json:
    created = sim.store.fact("conditions created")
    if created is None:
        created = timestamp()
        sim.store.set_fact("conditions created", created)
    conditions = {"conditionsId": 2, "conditionsCommit": "0" * 40, "createdAt": created}
    return {
        "type": "serverOperatorConditions",
        "conditions": {"serverOperators": [], "currentConditions": conditions},
    }


def _servers(addresses: tuple[str, ...]) -> list[Json]:
    return [
        {"serverId": number, "server": address, "preset": False, "enabled": True, "deleted": False}
        for number, address in enumerate(addresses, 1)
    ]


@command("/smp")
def smp_servers(sim: Simulator) -> Json:
    addresses = sim.options.smp_servers or (smp_server(sim),)
    return {
        "type": "userServers",
        "user": sim.user_record(sim.active_user()),
        "userServers": [{"smpServers": _servers(addresses), "xftpServers": []}],
    }


@command("/xftp")
def xftp_servers(sim: Simulator) -> Json:
    addresses = sim.options.xftp_servers or (DEFAULT_XFTP_SERVER,)
    return {
        "type": "userServers",
        "user": sim.user_record(sim.active_user()),
        "userServers": [{"smpServers": [], "xftpServers": _servers(addresses)}],
    }


@command("/_get app settings {settings:json:JSONObject}")
def get_app_settings(_sim: Simulator, settings: Json) -> Json:
    return {"type": "appSettings", "appSettings": {**_APP_SETTINGS, **settings}}


@command("/_get app settings")
def get_default_app_settings(_sim: Simulator) -> Json:
    return {"type": "appSettings", "appSettings": _APP_SETTINGS}


@command("/_set accept member contacts {user_id:int} {on:onoff}")
def set_accept_member_contacts(sim: Simulator, user_id: int, on: bool) -> Json:
    sim.expect_user(user_id)
    user = sim.store.update("users", user_id, autoAcceptMemberContacts=on)
    return {"type": "cmdOk", "user_": sim.user_record(user)}
