"""Connection links, made and taken apart."""

from __future__ import annotations

import pytest

from simplex_sync.simulator.links import (
    CONTACT,
    DEFAULT_SMP_SERVER,
    GROUP,
    INVITATION,
    agent_id,
    binary_id,
    make_link,
    parse_link,
)

SERVER = "smp://osaDjtAyu2EahF1O8-TogmveznagBJL0KiWn8TbXeQE=@127.0.0.1:5223"


@pytest.mark.parametrize("kind", [CONTACT, INVITATION, GROUP])
@pytest.mark.parametrize("server", [SERVER, DEFAULT_SMP_SERVER, "smp://abc=@a.example,onion.example"])
def test_both_forms_find_the_link(kind: str, server: str) -> None:
    made = make_link(kind, server)
    full, short = parse_link(made.full), parse_link(made.short)
    assert full is not None
    assert short is not None
    assert [full.name, short.name] == made.names
    assert full.kind == (INVITATION if kind == INVITATION else "")
    assert short.kind == kind
    assert full.server.split(",")[0] == server.split(",")[0]
    assert short.server == server.split(",")[0]


def test_the_forms_are_those_of_the_cli() -> None:
    made = make_link(INVITATION, SERVER)
    assert made.full.startswith(
        "simplex:/invitation#/?v=2-7&smp=smp%3A%2F%2FosaDjtAyu2EahF1O8-TogmveznagBJL0KiWn8TbXeQE%3D%40127.0.0.1%3A5223%2F"
    )
    assert "&e2e=v%3D2-3%26x3dh%3DMEIwBQYDK2VvAzkA" in made.full
    assert made.short.startswith("https://127.0.0.1/i#")
    assert made.short.endswith("?p=5223&c=osaDjtAyu2EahF1O8-TogmveznagBJL0KiWn8TbXeQE")


def test_other_spellings_are_links_as_well() -> None:
    made = make_link(CONTACT, SERVER)
    queue = made.full.removeprefix("simplex:/")
    web = parse_link("https://simplex.chat/" + queue)
    assert web is not None
    assert web.name == made.names[0]
    key = made.short.partition("#")[2].partition("?")[0]
    assert parse_link(f"simplex:/a#{key}?h=127.0.0.1&p=5223&c=osa") is not None


@pytest.mark.parametrize(
    "text", ["", "notalink", "https://example.com", "simplex:/contact#/?v=1", "simplex:/contact#/?smp=smp%3A%2F%2Fx",
             "https://a/x#b", "https://a/a#", "simplex:/contact#/?smp=http%3A%2F%2Fa%2Fb"]
)  # fmt: skip
def test_what_is_no_link(text: str) -> None:
    assert parse_link(text) is None


def test_ids_are_random_and_of_the_agents_form() -> None:
    ids = {agent_id() for _ in range(100)} | {binary_id() for _ in range(100)}
    assert len(ids) == 200
    assert {len(one) for one in ids} == {24}
