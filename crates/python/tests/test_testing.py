"""redlet.testing.replace: code that makes its clients itself gets stores in the process, whatever it imported and when."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import unittest
import weakref
from typing import Any, Iterator, List

import pytest
import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from packages import package
from patience import in_threads
from redis import Redis as ImportedBefore
from redis.asyncio import BlockingConnectionPool as AsyncBlockingConnectionPool

import redlet
from redlet.testing import Replacement, replace

NOBODY = "nobody.invalid"
older = redis.Redis(host=NOBODY, retry=None)
older_blocking = redis.Redis(connection_pool=redis.BlockingConnectionPool(host=NOBODY, max_connections=2, retry=None))


@pytest.fixture
def replaced() -> Iterator[Replacement]:
    with replace() as replacement:
        yield replacement


@pytest.mark.usefixtures("replaced")
class TestClients:
    def test_every_way_to_make_a_client_leads_to_the_same_store(self) -> None:
        redis.Redis(host=NOBODY, port=7000).set("k", "v")
        pool = redis.ConnectionPool(host=NOBODY, port=7000)
        clients = [
            ImportedBefore(host=NOBODY, port=7000),
            ImportedBefore(NOBODY, 7000),
            redis.StrictRedis(host=NOBODY.upper(), port=7000, decode_responses=False),
            redis.from_url(f"redis://{NOBODY}:7000"),
            redis.Redis.from_url(f"rediss://user:secret@{NOBODY}:7000/0"),
            redis.Redis(connection_pool=pool),
            redis.Redis.from_pool(redis.BlockingConnectionPool.from_url(f"redis://{NOBODY}:7000")),
            redis.Redis(host=NOBODY, port=7000, single_connection_client=True),
            redis.Redis(host=NOBODY, port=7000, ssl=True, username="user", password="secret", protocol=2),
            redlet.Redis(host=NOBODY, port=7000),
        ]
        assert [one.get("k") for one in clients] == [b"v"] * len(clients)
        for one in clients:
            one.close()

    def test_each_address_is_a_store_of_its_own(self) -> None:
        redis.Redis(host=NOBODY).set("k", "default port")
        redis.Redis(host=NOBODY, port=7000).set("k", "another port")
        redis.Redis(host="elsewhere.invalid").set("k", "another host")
        redis.Redis(unix_socket_path="/run/redis.sock").set("k", "a socket")
        assert redis.Redis(host=NOBODY, port=6379).get("k") == b"default port"
        assert redis.from_url(f"redis://{NOBODY}:7000").get("k") == b"another port"
        assert redis.from_url("redis://elsewhere.invalid").get("k") == b"another host"
        assert redis.from_url("unix:///run/redis.sock").get("k") == b"a socket"

    def test_all_names_of_this_machine_are_one(self) -> None:
        redis.Redis().set("k", "v")
        assert redis.Redis(host="127.0.0.1").get("k") == b"v"
        assert redis.Redis(host="::1", port=6379).get("k") == b"v"
        assert redis.from_url("redis://").get("k") == b"v"

    def test_databases_are_apart(self) -> None:
        redis.Redis(db=1).set("k", "one")
        assert redis.Redis(db=2).get("k") is None
        assert redis.from_url("redis://localhost/1").get("k") == b"one"
        with pytest.raises(redis.ResponseError):
            redis.Redis(db=16).get("k")

    def test_what_redis_py_does_with_its_connections_works(self) -> None:
        r = redis.Redis(host=NOBODY, decode_responses=True)
        with r.pipeline() as pipe:
            pipe.multi()
            pipe.set("n", 1)
            pipe.incr("n")
            assert pipe.execute() == [True, 2]
        with r.pubsub() as messages:
            messages.subscribe("news")
            assert messages.get_message(timeout=5)["type"] == "subscribe"  # type: ignore[index]
            r.publish("news", "rain")
            assert messages.get_message(timeout=5)["data"] == "rain"  # type: ignore[index]
        with r.lock("lock", timeout=10):
            assert r.exists("lock")
        script: Any = r.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        assert script(keys=["n"], args=[5]) == 7
        assert r.blpop(["queue"], timeout=0.01) is None  # type: ignore[arg-type]
        assert r.config_get("maxmemory") == {"maxmemory": "0"}
        assert r.ping()

    def test_the_keywords_of_a_pool_stay_as_they_were(self) -> None:
        client = redis.Redis(host=NOBODY, port=7000, db=3)
        keywords = client.connection_pool.connection_kwargs
        assert (keywords["host"], keywords["port"], keywords["db"]) == (NOBODY, 7000, 3)
        assert "location" not in keywords
        connection = client.connection_pool.get_connection()
        assert (connection.host, connection.port, connection.db) == (NOBODY, 7000, 3)
        assert isinstance(connection, redis.Connection)
        client.connection_pool.release(connection)
        again = redis.ConnectionPool(connection_class=client.connection_pool.connection_class, **keywords)
        redis.Redis(connection_pool=again).set("k", "v")
        assert client.get("k") == b"v"

    def test_a_blocking_pool_has_as_many_connections_as_it_was_told(self) -> None:
        pool = redis.BlockingConnectionPool(host=NOBODY, max_connections=1, timeout=0.01)
        connection = pool.get_connection()
        with pytest.raises(redis.ConnectionError, match="No connection available"):
            pool.get_connection()
        pool.release(connection)
        assert redis.Redis(connection_pool=pool).ping()

    def test_redlets_own_clients_keep_their_stores(self) -> None:
        r = redlet.Redis()
        r.set("k", "v")
        assert redlet.Redis.from_url("redlet://").get("k") is None
        assert r.connection_pool.connection_class is redlet.Connection
        assert redis.Redis(connection_pool=r.connection_pool).get("k") == b"v"

    def test_asyncio_clients_share_the_stores(self) -> None:
        redis.Redis(host=NOBODY, db=2).set("k", "v")
        made = redis.asyncio.Redis(host=NOBODY, db=2)  # no event loop yet

        async def main() -> None:
            pool = AsyncBlockingConnectionPool.from_url(f"redis://{NOBODY}/2", max_connections=2)
            clients = [
                made,
                redis.asyncio.from_url(f"rediss://:secret@{NOBODY}/2"),
                redis.asyncio.Redis(connection_pool=pool),
                redis.asyncio.Redis(host=NOBODY, db=2, single_connection_client=True, username="u", password="p"),
            ]
            for one in clients:
                assert await one.get("k") == b"v"
            waiting = asyncio.ensure_future(clients[1].blpop(["queue"]))
            await asyncio.sleep(0)
            redis.Redis(host=NOBODY, db=2).rpush("queue", "job")
            assert await waiting == (b"queue", b"job")
            async with clients[2].pipeline(transaction=True) as pipe:
                assert await pipe.set("n", 1).incr("n").execute() == [True, 2]  # type: ignore[union-attr]
            async with clients[0].pubsub() as messages:
                await messages.subscribe("news")
                await clients[1].publish("news", "rain")
                found = [await messages.get_message(timeout=5) for _ in range(2)]
                assert found[1] is not None and found[1]["data"] == b"rain"
            for one in clients:
                await one.aclose()

        asyncio.run(main())

    def test_clusters_and_sentinels_are_refused_with_a_sentence(self) -> None:
        for make in (
            lambda: redis.RedisCluster(host=NOBODY),
            lambda: redis.RedisCluster.from_url(f"redis://{NOBODY}"),
            lambda: redis.asyncio.RedisCluster(host=NOBODY),
            lambda: redis.sentinel.Sentinel([(NOBODY, 26379)]),
            lambda: redis.asyncio.sentinel.Sentinel([(NOBODY, 26379)]),
        ):
            with pytest.raises(redis.RedisError, match="has none for redis"):
                make()

    def test_threads_share_the_stores(self) -> None:
        def work() -> None:
            client = redis.Redis(host=NOBODY)
            for _ in range(100):
                client.incr("n")

        in_threads(lambda _: work(), 4)
        assert redis.Redis(host=NOBODY).get("n") == b"400"


class TestSubclassesOfConnections:
    """kombu, and others, hook into what connections do."""

    def test_what_a_subclass_overrides_stays_overridden(self, replaced: Replacement) -> None:
        seen: List[str] = []

        class Watched(redis.Connection):
            def __init__(self, *args: Any, colour: str = "none", **keywords: Any) -> None:
                super().__init__(*args, **keywords)
                self.colour = colour

            def disconnect(self, *args: Any) -> None:
                super().disconnect(*args)
                seen.append("disconnect")

            def send_command(self, *args: Any, **keywords: Any) -> None:
                seen.append(args[0])
                super().send_command(*args, **keywords)

        pool = redis.ConnectionPool(connection_class=Watched, host=NOBODY, colour="blue")
        client = redis.Redis(connection_pool=pool)
        client.set("k", "v")
        connection: Any = pool.get_connection()
        assert connection.colour == "blue"
        assert isinstance(connection, Watched)
        assert type(connection).__name__ == "Watched"
        assert connection._sock.fileno() > 0
        pool.release(connection)
        pool.disconnect()
        assert seen == ["SET", "disconnect"]
        assert redis.Redis(host=NOBODY).get("k") == b"v"

    def test_a_subclass_of_a_subclass_for_asyncio(self, replaced: Replacement) -> None:
        seen: List[str] = []

        class First(redis.asyncio.SSLConnection):
            async def connect(self) -> None:
                seen.append("first")
                await super().connect()

        class Second(First):
            async def connect(self) -> None:
                seen.append("second")
                await super().connect()

        async def main() -> None:
            pool = redis.asyncio.ConnectionPool(connection_class=Second, host=NOBODY)
            client = redis.asyncio.Redis(connection_pool=pool)
            assert await client.ping()
            await client.aclose()

        asyncio.run(main())
        assert seen[:2] == ["second", "first"]

    # On Python 3.9, a client that is made outside of an event loop makes one, which goes now.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_class_that_is_used_once_is_not_kept(self, replaced: Replacement) -> None:
        def once() -> "weakref.ref[Any]":
            class Temporary(redis.Connection):
                pass

            client = redis.Redis(connection_pool=redis.ConnectionPool(connection_class=Temporary, host=NOBODY))
            client.set("k", "v")
            client.connection_pool.disconnect()
            return weakref.ref(Temporary)

        reference = once()
        # What has a `__del__` goes first.
        while gc.collect():
            pass
        assert reference() is None

    def test_kombu_finds_its_messages(self, replaced: Replacement) -> None:
        kombu = package("kombu")
        with kombu.Connection(f"redis://{NOBODY}/0") as connection:
            queue = connection.SimpleQueue("work")
            queue.put({"n": 1})
            message = queue.get(timeout=10)
            assert message.payload == {"n": 1}
            message.ack()
            queue.close()

    # Celery uses what redis-py wants to be rid of.
    @pytest.mark.filterwarnings("default")
    def test_a_worker_of_celery_does_its_tasks(self, replaced: Replacement) -> None:
        celery = package("celery")
        from celery.contrib.testing.worker import start_worker

        app = celery.Celery("tasks", broker=f"redis://:secret@{NOBODY}/0", backend=f"redis://{NOBODY}/1")
        app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)

        @app.task(name="add")  # type: ignore[untyped-decorator]
        def add(a: int, b: int) -> int:
            return a + b

        with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=30, loglevel="ERROR"):
            assert [add.delay(n, 1).get(timeout=30) for n in range(5)] == [1, 2, 3, 4, 5]


class TestTheEnd:
    def test_everything_is_gone_afterwards(self) -> None:
        with replace():
            inside = redis.Redis(host=NOBODY, retry=None)
            inside.set("k", "v")
        with pytest.raises(redis.ConnectionError):
            inside.get("k")
        with replace():
            assert redis.Redis(host=NOBODY).get("k") is None
        with pytest.raises(redis.ConnectionError, match=NOBODY):
            redis.Redis(host=NOBODY, retry=None).get("k")

    def test_a_pool_that_was_never_used_inside_finds_no_store_later(self) -> None:
        with replace():
            inside = redis.Redis(host=NOBODY, retry=None)
        with pytest.raises(redis.ConnectionError, match="has ended"):
            inside.get("k")

    def test_redis_py_is_as_it_was(self) -> None:
        before = [redis.ConnectionPool.__init__, redis.ConnectionPool.get_connection, redis.RedisCluster.__init__]
        with replace():
            assert redis.ConnectionPool.__init__ is not before[0]
        assert [redis.ConnectionPool.__init__, redis.ConnectionPool.get_connection, redis.RedisCluster.__init__] == before

    @pytest.mark.parametrize("client", [older, older_blocking])
    def test_a_client_that_is_older_has_the_store_for_the_time_being(self, client: redis.Redis) -> None:
        for turn in range(2):
            with replace():
                assert client.get("k") is None
                client.set("k", turn)
                assert redis.Redis(host=NOBODY).get("k") == b"%d" % turn
            assert client.connection_pool.connection_class is redis.Connection
            with pytest.raises(redis.ConnectionError, match=NOBODY):
                client.get("k")

    def test_an_older_client_goes_back_to_its_server(self, real_server: str) -> None:
        client = redis.Redis(unix_socket_path=real_server)
        client.set("where", "server")
        with replace():
            assert client.get("where") is None
            client.set("where", "store")
            assert redis.Redis(unix_socket_path=real_server).get("where") == b"store"
        assert client.get("where") == b"server"
        client.delete("where")
        client.close()

    def test_an_older_asyncio_client_goes_back_to_its_server(self, real_server: str) -> None:
        async def main() -> None:
            client = redis.asyncio.Redis(unix_socket_path=real_server)
            await client.set("where", "server")
            with replace():
                assert await client.get("where") is None
                await client.set("where", "store")
            assert await client.get("where") == b"server"
            await client.delete("where")
            await client.aclose()

        asyncio.run(main())

    def test_whoever_waits_is_told(self) -> None:
        results: List[Any] = []
        replacement = replace().start()
        client = redis.Redis(host=NOBODY, retry=None)

        def wait() -> None:
            try:
                results.append(client.blpop(["queue"]))
            except redis.ConnectionError as error:
                results.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        watcher = redis.Redis(host=NOBODY)
        while not watcher.info("clients")["blocked_clients"]:
            assert thread.is_alive()
            time.sleep(0.001)
        replacement.stop()
        thread.join(timeout=30)
        assert isinstance(results[0], redis.ConnectionError)

    def test_an_error_inside_ends_it_too(self) -> None:
        with pytest.raises(ZeroDivisionError), replace():
            1 / 0
        with pytest.raises(redis.ConnectionError, match=NOBODY):
            older.ping()


class TestForms:
    def test_start_and_stop(self) -> None:
        replacement = replace()
        replacement.stop()  # nothing has started
        assert replacement.start() is replacement
        assert redis.Redis(host=NOBODY).ping()
        with pytest.raises(RuntimeError, match="already"):
            replacement.start()
        assert "active" in repr(replacement)
        replacement.stop()
        replacement.stop()

    def test_clear_empties_all_stores(self) -> None:
        with replace() as replacement:
            redis.Redis(host=NOBODY, db=1).set("k", "v")
            redis.Redis(host="elsewhere.invalid").set("k", "v")
            replacement.clear()
            assert redis.Redis(host=NOBODY, db=1).dbsize() == redis.Redis(host="elsewhere.invalid").dbsize() == 0

    def test_a_function_has_empty_stores_at_each_call(self) -> None:
        @replace
        def bare(value: int) -> Any:
            return redis.Redis(host=NOBODY).incrby("n", value)

        @replace()
        def with_brackets(value: int) -> Any:
            """Counts."""
            return redis.Redis(host=NOBODY).incrby("n", value)

        assert [bare(1), bare(1), with_brackets(2), with_brackets(2)] == [1, 1, 2, 2]
        assert (with_brackets.__name__, with_brackets.__doc__) == ("with_brackets", "Counts.")

    def test_a_coroutine_a_generator_and_both_in_one(self) -> None:
        @replace
        async def coroutine() -> Any:
            client = redis.asyncio.Redis(host=NOBODY)
            await asyncio.sleep(0)
            return await client.incr("n")

        @replace
        def generator() -> Iterator[Any]:
            yield redis.Redis(host=NOBODY).incr("n")
            yield redis.Redis(host=NOBODY).incr("n")

        @replace
        async def asyncgen() -> Any:
            yield await redis.asyncio.Redis(host=NOBODY).incr("n")
            yield await redis.asyncio.Redis(host=NOBODY).incr("n")

        async def main() -> List[Any]:
            return [one async for one in asyncgen()]

        assert asyncio.run(coroutine()) == 1
        assert list(generator()) == [1, 2]
        assert asyncio.run(main()) == [1, 2]

    def test_a_class_of_tests(self) -> None:
        @replace
        class Tests(unittest.TestCase):
            def test_one(self) -> None:
                self.assertEqual(redis.Redis(host=NOBODY).incr("n"), 1)

            def test_two(self) -> None:
                self.assertEqual(redis.Redis(host=NOBODY).incr("n"), 1)

        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Tests).run(result)
        assert (result.testsRun, result.errors, result.failures) == (2, [], [])

    def test_one_inside_another_has_stores_of_its_own(self) -> None:
        with replace():
            outer = redis.Redis(host=NOBODY)
            outer.set("k", "outer")
            older.set("k", "older, outer")
            with replace():
                assert redis.Redis(host=NOBODY).get("k") is None
                assert older.get("k") is None
                older.set("k", "inner")
                assert outer.get("k") == b"older, outer"
            assert older.get("k") == b"older, outer"
        with pytest.raises(redis.ConnectionError, match=NOBODY):
            older.get("k")

    def test_the_clock_is_that_of_all_stores(self) -> None:
        clock = redlet.Clock()
        with replace(clock=clock):
            for host in (NOBODY, "elsewhere.invalid"):
                redis.Redis(host=host).set("k", "v", ex=60)
            clock.advance(61)
            for host in (NOBODY, "elsewhere.invalid"):
                assert redis.Redis(host=host).get("k") is None

    def test_a_clock_ends_waits(self) -> None:
        clock = redlet.Clock()

        async def main() -> Any:
            with replace(clock=clock):
                client = redis.asyncio.Redis(host=NOBODY)
                waiting = asyncio.ensure_future(client.blpop(["queue"], timeout=3600))
                while not (await client.info("clients"))["blocked_clients"]:
                    assert not waiting.done()
                    await asyncio.sleep(0)
                clock.advance(3601)
                return await waiting

        assert asyncio.run(main()) is None
