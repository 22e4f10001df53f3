"""kombu on redlet, and what its pollers need of a connection's descriptor; docs/python/celery.md says how."""

from __future__ import annotations

import select
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from packages import package
from patience import until, until_waiting
from programs import end, run, start

import redlet
from redlet import Redis

kombu = package("kombu")
pytest.importorskip("redlet.kombu", reason="kombu's transport for Redis needs redis-py 6.1 or later", exc_type=ImportError)
Hub = package("kombu.asynchronous.hub").Hub


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """Memory of this test's own."""
    return "redlet://kombu-" + request.node.name.replace("[", "-").replace("]", "")


def is_readable(connection: Any) -> bool:
    poller = select.poll()
    poller.register(connection._sock, select.POLLIN)
    return bool(poller.poll(0))


@pytest.fixture
def client() -> Redis:
    return Redis()


@pytest.fixture
def connect(client: Redis) -> Iterator[Callable[[], Any]]:
    """Makes connections to the store of ``client``."""
    made: "List[Any]" = []

    def make() -> Any:
        connection = client.connection_pool.make_connection()
        connection.connect()
        made.append(connection)
        return connection

    yield make
    for connection in made:
        connection.disconnect()


# The descriptor.


def test_a_descriptor_is_readable_exactly_while_a_reply_waits(client: Redis, connect: Any) -> None:
    connection = connect()
    assert not is_readable(connection)
    connection.send_command("PING")
    assert is_readable(connection)
    assert connection.read_response() == b"PONG"
    assert not is_readable(connection)

    connection.send_command("BRPOP", "list", 0)
    assert not is_readable(connection)
    client.lpush("list", "element")
    assert is_readable(connection)
    assert connection.can_read(0)
    assert is_readable(connection)
    assert connection.read_response() == [b"list", b"element"]
    assert not is_readable(connection)
    assert not connection.can_read(0)

    connection.send_command("PING")
    connection.send_command("PING")
    connection.read_response()
    assert is_readable(connection)
    connection.read_response()
    assert not is_readable(connection)


def test_a_descriptor_that_was_registered_before_the_command_rings_for_it(client: Redis, connect: Any) -> None:
    connection = connect()
    poller = select.poll()
    poller.register(connection._sock, select.POLLIN)
    connection.send_command("BRPOP", "list", 0)
    assert poller.poll(0) == []
    client.lpush("list", "element")
    assert poller.poll(1000)
    assert connection.read_response() == [b"list", b"element"]
    assert poller.poll(0) == []

    connection.send_command("BRPOP", "list", "0.01")
    assert poller.poll(5000)
    assert connection.read_response() is None
    assert poller.poll(0) == []

    connection.send_command("SUBSCRIBE", "channel")
    assert poller.poll(1000)
    connection.read_response(push_request=True)
    assert poller.poll(0) == []
    client.publish("channel", "message")
    assert poller.poll(1000)
    assert connection.read_response(push_request=True)[2] == b"message"
    assert poller.poll(0) == []


def test_of_two_that_wait_one_becomes_readable(client: Redis, connect: Any) -> None:
    first, second = connect(), connect()
    for connection in (first, second):
        is_readable(connection)
        connection.send_command("BRPOP", "list", 0)
    client.lpush("list", "element")
    assert (is_readable(first), is_readable(second)) == (True, False)
    with client.pipeline() as pipeline:
        pipeline.lpush("list", "other").rpop("list").execute()
    assert not is_readable(second)
    first.read_response()
    assert (is_readable(first), is_readable(second)) == (False, False)


def test_a_poller_in_another_thread_is_woken(client: Redis, connect: Any) -> None:
    connection = connect()
    woken: "List[Any]" = []
    connection.send_command("BRPOP", "list", 0)
    poller = select.poll()
    poller.register(connection._sock, select.POLLIN)
    thread = threading.Thread(target=lambda: woken.extend(poller.poll(20_000)))
    thread.start()
    until_waiting(client)
    client.lpush("list", "element")
    thread.join()
    assert [descriptor for descriptor, _ in woken] == [connection._sock.fileno()]


def test_what_is_closed_while_it_waits_takes_nothing(client: Redis, connect: Any) -> None:
    for _ in range(100):
        connection = connect()
        is_readable(connection)
        connection.send_command("BRPOP", "list", 0)
        connection.disconnect()
        client.lpush("list", "element")
        assert client.lpop("list") == b"element"


def test_what_came_and_was_not_looked_at_is_given_back(client: Redis, connect: Any) -> None:
    connection = connect()
    connection.send_command("BRPOP", "list", 0)
    client.lpush("list", "element")
    connection.disconnect()
    assert client.lrange("list", 0, -1) == [b"element"]


def test_a_killed_connection_says_so(client: Redis, connect: Any) -> None:
    idle, parked = connect(), connect()
    is_readable(idle), is_readable(parked)
    numbers = []
    for connection in (idle, parked):
        connection.send_command("CLIENT", "ID")
        numbers.append(connection.read_response())
    parked.send_command("BRPOP", "list", 0)
    for number in numbers:
        assert client.client_kill_filter(_id=number) == 1
    assert is_readable(idle) and is_readable(parked)
    idle.send_command("SET", "key", "value")
    for connection in (idle, parked):
        with pytest.raises(redlet.ConnectionError):
            connection.read_response()
    assert client.get("key") is None


def test_a_thread_that_listens_hears_of_what_another_thread_subscribes_to(client: Redis) -> None:
    subscriptions = client.pubsub()
    subscriptions.subscribe("first")
    heard: "List[Any]" = []

    def listen() -> None:
        for message in subscriptions.listen():
            heard.append((message["type"], message["channel"], message["data"]))

    thread = threading.Thread(target=listen)
    thread.start()
    until(lambda: len(heard) == 1)
    for number, channel in enumerate(["second", "third"]):
        subscriptions.subscribe(channel)
        until(lambda: len(heard) == 2 + 2 * number)
        client.publish(channel, "message")
        until(lambda: len(heard) == 3 + 2 * number)
    assert heard[-2:] == [("subscribe", b"third", 3), ("message", b"third", b"message")]
    subscriptions.unsubscribe()
    thread.join(timeout=20)
    assert not thread.is_alive()
    subscriptions.close()


# The transport.


def test_what_is_published_while_nobody_is_connected_is_kept(url: str) -> None:
    with kombu.Connection(url) as connection:
        queue = connection.SimpleQueue("queue")
        for number in range(10):
            queue.put({"number": number})
        queue.close()
    with kombu.Connection(url) as connection:
        queue = connection.SimpleQueue("queue")
        for number in range(10):
            message = queue.get(timeout=5)
            assert message.payload == {"number": number}
            message.ack()
        with pytest.raises(queue.Empty):
            queue.get(block=False)
        queue.close()


def test_what_was_not_acknowledged_comes_again(url: str) -> None:
    with kombu.Connection(url) as connection:
        queue = connection.SimpleQueue("queue")
        queue.put("work")
        assert queue.get(timeout=5).payload == "work"
        queue.close()
    with kombu.Connection(url) as connection:
        queue = connection.SimpleQueue("queue")
        again = queue.get(timeout=5)
        assert again.payload == "work"
        assert again.delivery_info["redelivered"]
        again.reject(requeue=True)
        last = queue.get(timeout=5)
        last.ack()
        queue.close()
        client = connection.default_channel.client
        assert client.hlen("unacked") == client.llen("queue") == 0


@pytest.mark.parametrize("kind", ["direct", "topic", "fanout"])
def test_exchanges_deliver(url: str, kind: str) -> None:
    exchange = kombu.Exchange("exchange", type=kind)
    received: "List[Any]" = []

    def receive(body: Any, message: Any) -> None:
        received.append(body)
        message.ack()

    with kombu.Connection(url) as connection:
        queues = [
            kombu.Queue("one", exchange, routing_key="news.sport"),
            kombu.Queue("two", exchange, routing_key="news.*" if kind == "topic" else "news.art"),
        ]
        with connection.Consumer(queues, callbacks=[receive]):
            if kind == "fanout":
                connection.drain_events(timeout=20)  # The subscription is there.
            with kombu.Connection(url) as other:
                other.Producer().publish("hello", exchange=exchange, routing_key="news.sport", declare=[exchange])
            wanted = {"direct": 1, "topic": 2, "fanout": 1}[kind]
            while len(received) < wanted:
                connection.drain_events(timeout=20)
            with pytest.raises(socket.timeout):
                connection.drain_events(timeout=0.05)
    assert received == ["hello"] * wanted


def test_an_event_loop_consumes_and_goes_on_after_a_connection_was_lost(url: str) -> None:
    received: "List[Any]" = []

    def receive(body: Any, message: Any) -> None:
        received.append(body)
        message.ack()

    hub = Hub()
    queue = kombu.Queue("queue", kombu.Exchange("exchange"), routing_key="queue")
    try:
        with kombu.Connection(url) as connection:
            with connection.Consumer([queue], callbacks=[receive]) as consumer:
                connection.register_with_event_loop(hub)
                loop = hub.create_loop()
                with kombu.Connection(url) as publisher:
                    for number in range(5):
                        kombu.Producer(publisher, queue.exchange).publish(number, routing_key="queue")
                        ends = time.monotonic() + 20
                        while len(received) <= number and time.monotonic() < ends:
                            next(loop)
                        assert received == list(range(number + 1))
                        if number % 2:
                            consumer.channel.client.connection.disconnect()
        assert hub.readers == {}
    finally:
        hub.close()


def test_a_channel_that_is_lost_leaves_nothing_in_the_poller(url: str) -> None:
    with kombu.Connection(url) as connection:
        with connection.Consumer([kombu.Queue("queue")], callbacks=[lambda *_: None]) as consumer:
            with pytest.raises(socket.timeout):
                connection.drain_events(timeout=0.02)
            cycle = connection.transport.cycle
            assert cycle.fds
            consumer.channel.client.connection.disconnect()
            assert not cycle.fds
            assert cycle.poller.poll(0) == []


def test_threads_consume_and_nothing_is_lost_or_done_twice(url: str) -> None:
    received: "List[int]" = []
    ended = threading.Event()

    def consume() -> None:
        with kombu.Connection(url) as connection:

            def receive(body: int, message: Any) -> None:
                received.append(body)
                message.ack()

            with connection.Consumer([kombu.Queue("queue")], callbacks=[receive], prefetch_count=10):
                while not ended.is_set():
                    try:
                        connection.drain_events(timeout=0.1)
                    except socket.timeout:
                        pass

    threads = [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    with kombu.Connection(url) as connection:
        producer = connection.Producer()
        for number in range(400):
            producer.publish(number, routing_key="queue", declare=[kombu.Queue("queue")])
        until(lambda: len(received) >= 400)
    ended.set()
    for thread in threads:
        thread.join()
    assert sorted(received) == list(range(400))


def test_a_store_on_disk_keeps_messages(tmp_path: Path) -> None:
    program = """
        import sys, kombu, redlet.kombu
        with kombu.Connection(f"redlet://{sys.argv[1]}?db=1") as connection:
            queue = connection.SimpleQueue("queue")
            if sys.argv[2] == "put":
                queue.put("kept")
            else:
                message = queue.get(timeout=5)
                print(message.payload)
                message.ack()
            queue.close()
    """
    run(program, tmp_path / "store", "put")
    assert run(program, tmp_path / "store", "get") == "kept\n"


def test_another_process_consumes_from_the_store_that_this_one_has(tmp_path: Path) -> None:
    url = f"redlet://{tmp_path}/store"
    with kombu.Connection(url) as connection:
        connection.connect()
        worker = start(
            """
            import sys, kombu, redlet.kombu
            with kombu.Connection(sys.argv[1]) as connection:
                requests, replies = connection.SimpleQueue("requests"), connection.SimpleQueue("replies")
                for _ in range(20):
                    message = requests.get(timeout=20)
                    replies.put(message.payload * 2)
                    message.ack()
                requests.close(), replies.close()
            """,
            url,
        )
        requests, replies = connection.SimpleQueue("requests"), connection.SimpleQueue("replies")
        for number in range(20):
            requests.put(number)
        answers = []
        for _ in range(20):
            message = replies.get(timeout=20)
            answers.append(message.payload)
            message.ack()
        requests.close(), replies.close()
    assert (end(worker).code, sorted(answers)) == (0, [2 * number for number in range(20)])


def test_a_forked_child_publishes_to_its_parents_memory(url: str) -> None:
    program = """
        import os, sys, kombu, redlet.kombu
        url = sys.argv[1]
        with kombu.Connection(url) as connection:
            queue = connection.SimpleQueue("queue")
            child = os.fork()
            if child == 0:
                with kombu.Connection(url) as own:
                    own.SimpleQueue("queue").put("from the child")
                os._exit(0)
            os.waitpid(child, 0)
            print(queue.get(timeout=5).payload)
    """
    assert run(program, url) == "from the child\n"


def test_urls_without_a_name_and_wrong_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="give it a name"):
        kombu.Connection("redlet://").connect()
    with pytest.raises(ValueError, match="no parameter 'colour'"):
        kombu.Connection("redlet://name?colour=red").connect()


def test_a_url_is_shown_without_its_password() -> None:
    connection = kombu.Connection("redlet://name?db=2&password=secret")
    assert connection.as_uri() == "redlet://name?db=2&password=**"
    assert connection.as_uri(include_password=True) == "redlet://name?db=2&password=secret"


def test_the_database_is_that_of_the_url(url: str) -> None:
    with kombu.Connection(f"{url}?db=3") as connection:
        connection.SimpleQueue("queue").put("message")
        assert connection.default_channel.client.llen("queue") == 1
        other = redlet.from_url(url)
        assert (other.llen("queue"), redlet.from_url(f"{url}?db=3").llen("queue")) == (0, 1)


def test_installing_the_scheme_makes_kombu_know_it_whichever_is_imported_first() -> None:
    program = """
        import sys
        if sys.argv[1] == "redlet":
            import redlet
            redlet.install_url_scheme()
            import kombu
        else:
            import kombu, redlet
            redlet.install_url_scheme()
        with kombu.Connection("redlet://name") as connection:
            print(type(connection.transport).__module__)
    """
    assert run(program, "redlet") == run(program, "kombu") == "redlet.kombu\n"
