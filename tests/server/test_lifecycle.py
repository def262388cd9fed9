"""How a server starts, drains and ends, and how it lives with few file descriptors."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.server.conftest import Serve, ServerProcess, start
from tests.support.rawsocket import TEXT, RawClient, http_request, masked_frame

DIRECT = "/@connections"


def opened(server: ServerProcess, target: str) -> RawClient:
    client = server.client()
    assert client.upgrade(target).status == 101
    return client


def printed(server: ServerProcess, *wanted: str) -> list[str]:
    return [line.strip() for line in server.lines if line.strip() in wanted]


# starting


def test_the_application_starts_before_anyone_can_connect_and_ends_after_all_have_left(serve: Serve) -> None:
    server = serve()
    client = opened(server, "/work-after-disconnect")
    client.send_frame(TEXT, b"go")
    server.signal(signal.SIGTERM)
    client.receive_close()
    client.send_close(1001)
    assert server.wait() == 0
    server.stop()
    steps = ("lifespan.startup", "finished its work", "lifespan.shutdown")
    assert printed(server, *steps) == list(steps)
    listening = next(index for index, line in enumerate(server.lines) if "Listening" in line)
    assert server.lines.index("lifespan.startup\n") < listening
    client.socket.close()


def test_an_application_that_cannot_start_is_not_served() -> None:
    server = start("tests.server.apps:failing_to_start")
    assert server.wait() == 3
    server.stop()
    assert server.lines == ["The application failed to start: no database\n"]


def test_an_application_without_lifespan_is_served(serve: Serve) -> None:
    server = serve("tests.server.apps:without_lifespan")
    assert server.get("/").body == b"hello"
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_a_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start("tests.server.apps:app", port=taken.getsockname()[1])
        assert server.wait() == 1
        server.stop()
    assert "Cannot listen on 127.0.0.1" in server.lines[-1]


@pytest.mark.parametrize("name", ["no-colon", "tests.server.apps:missing", "missing:app"])
def test_an_application_that_is_not_there_is_reported(name: str) -> None:
    server = start(name)
    assert server.wait() != 0
    server.stop()
    assert "no-colon" in server.lines[-1] or "missing" in server.lines[-1]


def test_time_is_taken_from_the_monotonic_clock() -> None:
    program = (
        "import time; from gatewayapp.server.reactor import loop, reactor;"
        "print(*(abs(clock() - time.monotonic()) < 1 for clock in (loop.time, reactor.seconds)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "True True\n"


# draining


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_the_connections_with_a_code(serve: Serve, number: int) -> None:
    server = serve()
    clients = [opened(server, "/echo") for _ in range(20)]
    server.signal(number)
    for client in clients:
        assert client.receive_close() == (1001, "Going away")
        client.send_close(1001)
        assert client.is_closed()
        client.socket.close()
    assert server.wait() == 0


def test_a_drain_lets_requests_finish_and_takes_no_new_connections(serve: Serve) -> None:
    server = serve()
    direct, plain, kept = server.client(), server.client(), server.client()
    kept.request(DIRECT + "/hello")
    direct.send(http_request(DIRECT + "/slowly?seconds=1.5"))
    plain.send(http_request("/slowly?seconds=1.5"))
    watched = opened(server, "/echo")
    server.signal(signal.SIGTERM)
    watched.receive_close()
    watched.send_close(1001)
    with pytest.raises(ConnectionRefusedError):
        server.client()
    assert kept.request(DIRECT + "/hello").body == b"hello"
    assert direct.response().body == b"1.5"
    assert plain.response().body == b"1.5"
    assert server.wait() == 0
    for client in (direct, plain, kept, watched):
        client.socket.close()


def test_a_drain_is_bounded(serve: Serve) -> None:
    server = serve(drain_timeout=1)
    with server.client() as client:
        client.send(http_request(DIRECT + "/slowly?seconds=60"))
        opened(server, "/echo").socket.close()  # the request has arrived as well
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def test_a_second_signal_ends_the_drain(serve: Serve) -> None:
    server = serve()
    with server.client() as client, opened(server, "/echo") as watched:
        client.send(http_request(DIRECT + "/slowly?seconds=60"))
        server.get("/hello")
        server.signal(signal.SIGTERM)
        watched.receive_close()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def test_the_port_stays_open_for_the_stop_delay(serve: Serve) -> None:
    server = serve(stop_delay=60)
    watched = opened(server, "/echo")
    server.signal(signal.SIGTERM)
    for _ in range(20):
        assert server.get(DIRECT + "/hello").status == 200
    watched.send_frame(TEXT, b"still here")
    assert watched.receive_frame() == (TEXT, b"still here")
    server.signal(signal.SIGINT)  # a second signal skips the delay
    assert watched.receive_close() == (1001, "Going away")
    watched.send_close(1001)
    assert server.wait() == 0
    watched.socket.close()


def test_the_stop_delay_ends_by_itself(serve: Serve) -> None:
    server = serve(stop_delay=0.5)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_the_application_drains_first() -> None:
    server = ServerProcess([sys.executable, "-m", "tests.server.draining"])
    try:
        server.wait_until_listening()
        with opened(server, "/any") as client:
            server.signal(signal.SIGTERM)
            assert client.receive_close() == (4000, "The application's own")
        assert server.wait() == 0
    finally:
        server.stop()
    assert printed(server, "draining", "drained", "lifespan.shutdown") == ["draining", "drained", "lifespan.shutdown"]


# file descriptors


def test_a_lack_of_descriptors_is_answered_and_survived() -> None:
    def few_descriptors() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (150, 150))

    server = start(popen={"preexec_fn": few_descriptors})
    try:
        server.wait_until_listening()
        clients = [client for _ in range(300) if (client := connected(server)) is not None]
        statuses = [status(client) for client in clients]
        assert 20 < statuses.count(200) < 90
        assert statuses.count(503) > 20
        assert set(statuses) <= {200, 503, None}
        used = cpu_seconds(server)
        time.sleep(1)  # the processor time of an interval is what is measured
        assert cpu_seconds(server) - used < 0.2
        for client in clients:
            client.socket.close()
        wait_until_served(server)
        assert sum("file descriptors" in line for line in server.lines) <= 3
    finally:
        server.stop()


def connected(server: ServerProcess) -> RawClient | None:
    """A client; None where the connection was dropped as it was made."""
    try:
        return server.client()
    except OSError:
        return None


def status(client: RawClient) -> int | None:
    """The answer's status; None for a connection dropped without one."""
    try:
        client.send(http_request(DIRECT + "/hello"))
        return client.response().status
    except (EOFError, OSError):
        return None


def cpu_seconds(server: ServerProcess) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def wait_until_served(server: ServerProcess) -> None:
    for _ in range(100):
        with server.client() as client:
            if status(client) == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not recover")


def test_connections_leave_nothing_behind(serve: Serve) -> None:
    server = serve()
    descriptors = Path(f"/proc/{server.process.pid}/fd")

    def churn(rounds: int) -> None:
        for number in range(rounds):
            with opened(server, "/echo") as client:
                client.send(masked_frame(TEXT, b"x"))
                client.receive_frame()
                if number % 3 == 0:
                    client.reset()
                elif number % 3 == 1:
                    client.send_close(1000)
                    client.receive_close()
            assert server.get(DIRECT + "/hello").status == 200

    churn(50)
    before, memory = len(list(descriptors.iterdir())), server.memory()
    churn(300)
    assert server.memory() - memory < 1024
    for _ in range(100):
        if len(list(descriptors.iterdir())) <= before:
            break
        time.sleep(0.05)
    assert len(list(descriptors.iterdir())) <= before
