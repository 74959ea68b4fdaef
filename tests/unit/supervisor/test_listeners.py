"""Where the programs of a run listen."""

import socket

import pytest

from paybell_sandbox.supervisor.listeners import USUAL, ListenerTakenError, choose, url


def test_a_taken_usual_port_is_replaced_by_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        monkeypatch.setitem(USUAL, "SANDBOX_LISTEN", number)
        host, _, port = choose({}, ["SANDBOX_LISTEN"])["SANDBOX_LISTEN"].rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) not in (0, number)


def test_no_two_listeners_get_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in USUAL:
        monkeypatch.setitem(USUAL, name, 0)
    assert len(set(choose({}).values())) == len(USUAL)


def test_a_port_that_was_asked_for_is_taken_or_refused_but_never_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenerTakenError, match=f"SANDBOX_LISTEN={wanted}"):
            choose({"SANDBOX_LISTEN": wanted}, ["SANDBOX_LISTEN"])
    assert choose({"SANDBOX_LISTEN": wanted}, ["SANDBOX_LISTEN"]) == {"SANDBOX_LISTEN": wanted}


@pytest.mark.parametrize("listen", ["0.0.0.0:8070", ":8070", "127.0.0.1:8070"])
def test_an_address_that_listens_everywhere_is_reached_on_this_machine(listen: str) -> None:
    assert url(listen) == "http://127.0.0.1:8070"
