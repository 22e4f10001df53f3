"""The descriptor of a connection: event loops poll it, and it is readable exactly while there is something to read."""

from __future__ import annotations

import asyncio
import select
import selectors
import sys
import threading
from typing import Any, Callable, Dict, Iterator, List

import pytest
from redis.exceptions import ConnectionError

from redlet import Redis

Ready = Callable[[Any], bool]


def _by_select(sock: Any) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def _by_poll(sock: Any) -> bool:
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(0))


def _by_epoll(sock: Any) -> bool:
    with select.epoll() as poller:
        poller.register(sock.fileno(), select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP)
        return bool(poller.poll(0))


def _by_selectors(sock: Any) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


WAYS: Dict[str, Ready] = {"select": _by_select, "selectors": _by_selectors}
if hasattr(select, "poll"):
    WAYS["poll"] = _by_poll
if hasattr(select, "epoll"):
    WAYS["epoll"] = _by_epoll


@pytest.fixture(params=WAYS)
def is_ready(request: pytest.FixtureRequest) -> Ready:
    return WAYS[request.param]


@pytest.fixture
def client() -> Iterator[Redis]:
    with Redis() as client:
        yield client


@pytest.fixture
def connection(client: Redis) -> Any:
    return client.connection_pool.get_connection()


def test_an_answer_makes_it_readable_until_it_is_read(connection: Any, is_ready: Ready) -> None:
    sock = connection._sock
    assert not is_ready(sock)
    connection.send_command("PING")
    assert is_ready(sock) and is_ready(sock)
    assert connection.read_response() == b"PONG"
    assert not is_ready(sock)
    for number in range(3):
        connection.send_command("ECHO", number)
    for number in range(3):
        assert is_ready(sock)
        assert connection.read_response() == str(number).encode()
    assert not is_ready(sock)


def test_an_answer_that_was_there_before_the_descriptor_makes_it_readable(connection: Any, is_ready: Ready) -> None:
    connection.send_command("PING")
    assert is_ready(connection._sock)
    connection.read_response()
    assert not is_ready(connection._sock)


def test_a_command_that_waits_makes_it_readable_when_it_is_served(client: Redis, connection: Any, is_ready: Ready) -> None:
    connection.send_command("BLPOP", "list", 0)
    assert not is_ready(connection._sock)
    client.rpush("other", "a")
    assert not is_ready(connection._sock)
    client.rpush("list", "a")
    assert is_ready(connection._sock)
    assert connection.read_response() == [b"list", b"a"]
    assert not is_ready(connection._sock)


def test_a_command_that_waits_makes_it_readable_when_its_time_is_over(connection: Any) -> None:
    connection.send_command("BLPOP", "list", 0.01)
    assert select.select([connection._sock], [], [], 10)[0]
    assert connection.read_response() is None


def test_of_two_that_wait_for_one_element_one_is_readable(client: Redis, is_ready: Ready) -> None:
    connections = [client.connection_pool.get_connection() for _ in range(5)]
    for connection in connections:
        connection.send_command("BRPOP", "list", 0)
        assert not is_ready(connection._sock)
    for count in range(1, 6):
        client.lpush("list", count)
        assert [is_ready(connection._sock) for connection in connections] == [True] * count + [False] * (5 - count)
    assert [connection.read_response()[1] for connection in connections] == [b"1", b"2", b"3", b"4", b"5"]
    assert not any(is_ready(connection._sock) for connection in connections)


def test_an_element_that_somebody_else_takes_makes_nothing_readable(client: Redis, connection: Any, is_ready: Ready) -> None:
    connection.send_command("BLPOP", "list", 0)
    assert not is_ready(connection._sock)
    # The unit as a whole leaves nothing for who waits.
    client.pipeline().rpush("list", "a").lpop("list").execute()
    assert not is_ready(connection._sock)
    client.set("list", "of another type")
    client.delete("list")
    assert not is_ready(connection._sock)
    client.rpush("list", "b")
    assert is_ready(connection._sock)


def test_messages_make_it_readable_until_all_are_read(client: Redis, is_ready: Ready) -> None:
    subscription = client.pubsub()
    subscription.subscribe("channel")
    sock = subscription.connection._sock
    assert is_ready(sock)
    assert subscription.get_message(timeout=1)["type"] == "subscribe"
    assert not is_ready(sock)
    client.publish("other", "a")
    assert not is_ready(sock)
    for number in range(3):
        client.publish("channel", number)
    for number in range(3):
        assert is_ready(sock)
        assert subscription.get_message()["data"] == str(number).encode()
    assert not is_ready(sock)
    subscription.unsubscribe()
    assert is_ready(sock)
    subscription.close()


def test_an_end_makes_it_readable_and_the_read_says_so(client: Redis, connection: Any, is_ready: Ready) -> None:
    connection.send_command("CLIENT", "ID")
    number = connection.read_response()
    connection.send_command("BLPOP", "list", 0)
    assert not is_ready(connection._sock)
    assert client.client_kill_filter(_id=str(number)) == 1
    assert is_ready(connection._sock)
    with pytest.raises(ConnectionError):
        connection.read_response()


def test_commands_that_come_after_one_that_waits_are_answered_in_order(client: Redis, connection: Any, is_ready: Ready) -> None:
    connection.send_command("BLPOP", "list", 0)
    connection.send_command("ECHO", "after")
    assert not is_ready(connection._sock)
    client.rpush("list", "a")
    assert is_ready(connection._sock)
    assert connection.read_response()[1] == b"a"
    assert is_ready(connection._sock)
    assert connection.read_response() == b"after"
    assert not is_ready(connection._sock)


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")
def test_hundreds_of_connections_in_one_epoll_are_told_once_each(client: Redis) -> None:
    count = 200
    with Redis(location=client._location, max_connections=count + 1) as many:
        connections: Dict[int, Any] = {}
        with select.epoll() as poller:
            for _ in range(count):
                connection = many.connection_pool.get_connection()
                connection.send_command("BLPOP", "list", 0)
                connections[connection._sock.fileno()] = connection
                poller.register(connection._sock.fileno(), select.EPOLLIN)
            assert poller.poll(0) == []
            thread = threading.Thread(target=lambda: [client.rpush("list", number) for number in range(count)])
            thread.start()
            found: List[int] = []
            while len(found) < count:
                for descriptor, _ in poller.poll(10):
                    found.append(int(connections[descriptor].read_response()[1]))
            thread.join()
            assert sorted(found) == list(range(count))
            assert poller.poll(0) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows' own loop polls no sockets")
async def test_an_event_loop_polls_it_as_it_polls_any_other(client: Redis, connection: Any) -> None:
    loop = asyncio.get_running_loop()
    told: "asyncio.Future[Any]" = loop.create_future()
    connection.send_command("BLPOP", "list", 0)
    loop.add_reader(connection._sock, lambda: told.done() or told.set_result(connection.read_response()))
    threading.Timer(0.01, client.rpush, ("list", "a")).start()
    assert await asyncio.wait_for(told, 10) == [b"list", b"a"]
    loop.remove_reader(connection._sock)


def test_a_descriptor_is_closed_with_its_connection(client: Redis, connection: Any) -> None:
    sock = connection._sock
    descriptor = sock.fileno()
    assert sock.fileno() == descriptor, "it stays the same"
    connection.disconnect()
    assert connection._sock is None
    connection.connect()
    connection.send_command("PING")
    assert _by_select(connection._sock)
