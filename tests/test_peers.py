"""The peers themselves: they start, die, come back on the same port, and leave nothing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psycopg
import pytest

from tests import peers


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((peers.LOOPBACK, port)) == 0


def test_free_ports_are_never_handed_out_twice() -> None:
    ports = {peers.free_port() for _ in range(50)}
    assert len(ports) == 50
    assert not any(accepts(port) for port in ports)


@pytest.mark.peer("mosquitto")
def test_a_killed_broker_comes_back_on_its_port() -> None:
    with peers.mosquitto("allow_anonymous false") as broker:
        first = broker.pid
        broker.kill()
        assert not accepts(broker.port)
        broker.start()
        assert accepts(broker.port)
        assert broker.pid != first
        pid, folder = broker.pid, broker.log.parent
    assert not Path(f"/proc/{pid}").exists()
    assert not folder.exists()


@pytest.mark.peer("mosquitto")
def test_a_broker_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(peers.PeerError, match="no_such_setting"),
        peers.mosquitto("no_such_setting 1"),
    ):
        pass


@pytest.mark.peer("mosquitto")
def test_a_paused_broker_ends_all_the_same() -> None:
    with peers.mosquitto() as broker:
        pid = broker.pid
        broker.pause()
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.peer("postgres")
def test_a_cluster_keeps_what_was_committed_through_a_kill() -> None:
    with peers.postgres() as server:
        with psycopg.connect(server.url) as client:
            client.execute("CREATE TABLE kept (n int)")
            client.execute("INSERT INTO kept VALUES (7)")
        victim = psycopg.connect(server.url)
        assert server.kill_connections() == 1
        with pytest.raises(psycopg.OperationalError):
            victim.execute("SELECT 1")
        victim.close()
        server.kill()
        server.start()
        with psycopg.connect(server.url) as client:
            assert client.execute("SELECT n FROM kept").fetchone() == (7,)
        folder, pid = server.log.parent, server.pid
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
