"""What is refused, by which exception, and whether its sentence helps."""

from __future__ import annotations

import asyncio
import math
import os
import re
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
import redis
from patience import until
from programs import end, run, start
from redis.exceptions import AuthenticationError, ConnectionError, DataError, ResponseError

import redlet.asyncio
from redlet import Redis, Store, StoreInUse
from redlet.exceptions import RedisLiteServerStartError


@pytest.fixture(params=["thin", "direct", "long"])
def client(request: pytest.FixtureRequest) -> Iterator[Redis]:
    """A client by each of its ways."""
    client = Redis()
    if request.param == "direct":
        client._thin = None
    elif request.param == "long":
        client._go_the_long_way()
    with client:
        yield client


NO_VALUES = [True, None, {}, [], set(), object(), 1j, Path("a")]


@pytest.mark.parametrize("value", NO_VALUES, ids=lambda value: type(value).__name__)
def test_values_of_other_types_are_data_errors_that_name_the_type(client: Redis, value: Any) -> None:
    uses: "list[Callable[[], Any]]" = [
        lambda: client.set("key", value),
        lambda: client.get(value),
        lambda: client.rpush("list", "good", value),
        lambda: client.hset("hash", "field", value),
        lambda: client.zadd("sorted", {"member": value}),
        lambda: client.execute_command("SET", "key", value),
        lambda: client.publish("channel", value),
        lambda: client.pipeline().set("key", value).execute(),
        lambda: client.pipeline().set("first", 1).echo(value).execute(),
        lambda: client.set(value, "value"),
    ]
    for use in uses:
        with pytest.raises(DataError, match=type(value).__name__):
            use()
    assert client.keys() == [], "a refused command does nothing"


def test_values_of_other_types_are_data_errors_of_a_store_too() -> None:
    store = Store()
    for value in NO_VALUES:
        with pytest.raises(DataError, match=type(value).__name__):
            store.set("key", value)
    assert store.execute("DBSIZE") == 0


async def test_values_of_other_types_are_data_errors_in_asyncio_too() -> None:
    async with redlet.asyncio.Redis() as client:
        for value in NO_VALUES:
            with pytest.raises(DataError, match=type(value).__name__):
                await client.set("key", value)
            with pytest.raises(DataError, match=type(value).__name__):
                await client.pipeline().set("key", value).execute()
        assert await client.dbsize() == 0


def test_text_that_has_no_bytes_is_refused_by_its_codec(client: Redis) -> None:
    for use in (client.get, client.delete, client.incr, client.client_setname, client.llen):
        with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
            use("\ud800")
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        client.pipeline().set("first", 1).set("\udfff", 1).execute()
    assert client.keys() == []
    assert client.set("after", "all") is True


def test_an_encoding_says_what_it_has_no_bytes_for() -> None:
    with Redis(encoding="latin-1", decode_responses=True) as client:
        client.set("é", "ü")
        assert client.get("é") == "ü"
        assert client.get(b"\xe9") == "ü"
        with pytest.raises(UnicodeEncodeError, match="latin-1"):
            client.set("€", 1)
    with Redis(encoding="latin-1", encoding_errors="replace") as client:
        client.set("€", 1)
        assert client.keys() == [b"?"]
    with Redis(encoding_errors="surrogateescape", decode_responses=True) as client:
        client.set("key", b"\xff")
        assert client.get("key") == "\udcff"
        client.set("\udcff", 1)
        assert "\udcff" in client.keys()
    with pytest.raises(LookupError, match="klingon"):
        Redis(encoding="klingon").set("key", 1)


def test_bytes_that_are_no_text_are_refused_when_they_are_read_and_stay(client: Redis) -> None:
    with Redis(decode_responses=True) as client:
        client.set("key", b"\xff")
        client.rpush("list", "good", b"\xff")
        for use in (lambda: client.get("key"), lambda: client.lrange("list", 0, -1), lambda: client.mget("key", "list")):
            with pytest.raises(UnicodeDecodeError):
                use()
        assert client.strlen("key") == 1
        assert client.ping() is True


@pytest.mark.parametrize(
    "timeout, text",
    [
        (-1, "timeout is negative"),
        (-0.5, "timeout is negative"),
        (math.nan, "timeout is not a float or out of range"),
        (math.inf, "timeout is out of range"),
        (-math.inf, "timeout is"),
        ("soon", "timeout is not a float or out of range"),
        (1e300, "timeout is out of range"),
    ],
)
def test_timeouts_that_are_none(client: Redis, timeout: Any, text: str) -> None:
    for use in (
        lambda: client.blpop("list", timeout),
        lambda: client.brpop(["list", "other"], timeout),
        lambda: client.bzpopmin("sorted", timeout),
        lambda: client.blmove("list", "other", timeout),
        lambda: client.blmpop(timeout, 1, "list", direction="LEFT"),
        lambda: client.brpoplpush("list", "other", timeout),
    ):
        with pytest.raises(ResponseError, match=text):
            use()
    assert client.ping() is True


def test_timeouts_with_a_fraction_are_kept(client: Redis) -> None:
    assert client.blpop("list", 0.001) is None
    assert client.bzpopmax("sorted", timeout=0.001) is None
    with pytest.raises(DataError, match="non-negative integer"):
        client.xread({"stream": "$"}, block=0.5)  # type: ignore[arg-type]


def test_numbers_that_are_none(client: Redis) -> None:
    client.set("key", 1)
    with pytest.raises(DataError):
        client.set("key", 1, ex=1.5)
    for seconds in (0, -1):
        with pytest.raises(ResponseError, match="invalid expire time in 'set' command"):
            client.set("key", 1, ex=seconds)
    with pytest.raises(ResponseError, match="not an integer"):
        client.expire("key", math.nan)
    with pytest.raises(ResponseError, match="not a valid float"):
        client.incrbyfloat("key", math.nan)
    with pytest.raises(ResponseError, match="not a valid float"):
        client.zadd("sorted", {"member": math.nan})
    with pytest.raises(ResponseError, match="not an integer or out of range"):
        client.incrby("key", 1 << 64)
    assert client.get("key") == b"1"
    client.zadd("sorted", {"member": math.inf})
    assert client.zscore("sorted", "member") == math.inf


# Paths.


@pytest.fixture(params=["sync", "asyncio"])
def use_path(request: pytest.FixtureRequest) -> "Callable[[Any], None]":
    """Opens a path and writes there."""

    def use(path: Any) -> None:
        if request.param == "sync":
            with Redis(path) as client:
                client.set("key", 1)
            return

        async def main() -> None:
            async with redlet.asyncio.Redis(path) as client:
                await client.set("key", 1)

        asyncio.run(main())

    return use


def test_a_path_below_a_file_is_refused(use_path: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(ConnectionError, match=re.escape(str(tmp_path / "file" / "store"))):
        use_path(tmp_path / "file" / "store")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_path_where_nothing_may_be_written_is_refused(use_path: Any) -> None:
    with pytest.raises(ConnectionError, match="cannot create /proc/store"):
        use_path("/proc/store")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="who is root may write everywhere")
def test_a_path_without_permission_is_refused(use_path: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConnectionError, match="[Pp]ermission denied"):
        use_path(tmp_path / "store")


def test_a_file_that_is_no_store_is_refused_and_left_alone(use_path: Any, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are no keys")
    with pytest.raises(ConnectionError, match="no redlet store"):
        use_path(file)
    assert file.read_text() == "these are no keys"


def test_a_folder_with_other_files_is_refused_and_left_alone(use_path: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are no keys")
    with pytest.raises(ConnectionError, match="choose an empty or a new folder"):
        use_path(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_store_whose_files_are_damaged_is_refused_with_the_file(use_path: Any, tmp_path: Path) -> None:
    use_path(tmp_path / "store")
    manifest = tmp_path / "store" / "MANIFEST"
    manifest.write_bytes(b"nonsense" * 10)
    with pytest.raises(ConnectionError, match="MANIFEST"):
        use_path(tmp_path / "store")
    assert manifest.read_bytes() == b"nonsense" * 10


def test_a_path_is_text_bytes_or_a_path_object(tmp_path: Path) -> None:
    for place in (tmp_path / "store", str(tmp_path / "store"), os.fsencode(tmp_path / "store")):
        with Redis(place) as client:
            assert client.db == str(tmp_path / "store")
            client.incr("opened")
            assert repr(client) == f"<redlet.Redis {tmp_path / 'store'}, database 0, 1 key>"
    assert client.get("opened") == b"3"
    client.close()
    for place in ("", b"", Path()):
        if place != Path():
            with pytest.raises(ValueError, match="leave it out for a store in memory"):
                Redis(place)
    with pytest.raises(ValueError, match="null character"):
        Redis("sto\0re")
    for other in (5, True, {}, object()):
        with pytest.raises(TypeError, match="str, bytes or os.PathLike"):
            Redis(other)


def test_a_store_of_another_process_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "store"
    owner = start(
        """
        import sys, redlet
        client = redlet.Redis(sys.argv[1])
        client.set("key", "of the owner")
        print("open", flush=True)
        sys.stdin.readline()
        print(client.socket_file, flush=True)
        sys.stdin.readline()
        """,
        path,
    )
    assert owner.stdin is not None and owner.stdout is not None
    try:
        assert owner.stdout.readline() == "open\n"
        for refused in (lambda: Redis(path), lambda: redlet.asyncio.Redis(path), lambda: Store(path)):
            with pytest.raises(StoreInUse) as caught:
                refused()
            assert isinstance(caught.value, ConnectionError) and isinstance(caught.value, RedisLiteServerStartError)
            assert str(path) in str(caught.value)
        owner.stdin.write("\n")
        owner.stdin.flush()
        assert owner.stdout.readline()
        with Redis(path) as client:
            assert client.get("key") == b"of the owner"
    finally:
        end(owner)
    with Redis(path) as client:
        assert client.get("key") == b"of the owner"


# What a client is given.


@pytest.mark.parametrize("make", [Redis, redlet.asyncio.Redis, redlet.StrictRedis])
def test_keywords_that_nobody_knows_are_type_errors(make: Any) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        make(colour="red")


@pytest.mark.parametrize("make", [Redis, redlet.asyncio.Redis])
def test_databases_that_are_none(make: Any) -> None:
    for db in (-1, 99, "99"):
        with pytest.raises(ResponseError, match="DB index is out of range"):
            make(db=db)
    with pytest.raises(ResponseError, match="value is not an integer or out of range"):
        make(db="first")
    for db in (True, 1.5):
        with pytest.raises(DataError, match="number of a database"):
            make(db=db)
    for count in (0, -1, 65537, "many"):
        with pytest.raises(ValueError, match="from 1 to 65536 databases"):
            make(databases=count)


@pytest.mark.parametrize("make", [Redis, redlet.asyncio.Redis])
def test_protocols_that_are_none(make: Any) -> None:
    for protocol in (1, 4, "newest"):
        with pytest.raises(ConnectionError, match="protocol must be"):
            make(protocol=protocol)
    for protocol in (2, 3, "2", "3", None):
        make(protocol=protocol)


def test_settings_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='always, everysec or no, not "sometimes"'):
        Redis(tmp_path / "store", appendfsync="sometimes")
    with pytest.raises(TypeError, match="dictionary of redis.conf's directives"):
        Redis(serverconfig="maxmemory 1mb")
    with pytest.raises(TypeError, match="host= and port="):
        Redis("localhost", 6379)
    with pytest.raises(DataError, match="leave out the path, or host, port and unix_socket_path"):
        Redis("path", host="localhost")


def test_credentials_that_are_wrong() -> None:
    with Redis() as owner:
        pool = owner.connection_pool
        owner.acl_setuser("ann", enabled=True, passwords=["+right"], commands=["+@all"], keys=["*"])
        options = {**pool.connection_kwargs, "username": "ann"}
        with pytest.raises(AuthenticationError):
            redis.Redis(connection_pool=redis.ConnectionPool(pool.connection_class, **{**options, "password": "wrong"})).ping()
        right = redis.Redis(connection_pool=redis.ConnectionPool(pool.connection_class, **{**options, "password": "right"}))
        assert right.acl_whoami() == "ann"


@pytest.mark.parametrize(
    "url, text",
    [
        ("redlet://?colour=red", "it has no parameter 'colour'; there are databases, "),
        ("redlet://name/path", "three slashes"),
        ("redlet:///", "comes the path of a store"),
        ("redlet://?db=first", "db=first is no value"),
        ("redlet://?decode_responses=perhaps", "decode_responses=perhaps is no value"),
        ("redlet://user:password@name", "no user"),
        ("redlet:name", "it must be redlet:// .private memory., "),
        ("redlet://?appendfsync=always", "redlet:///path"),
        ("sqlite:///file", "redis://"),
    ],
)
def test_urls_that_are_none(url: str, text: str) -> None:
    for make in (Redis.from_url, redlet.from_url, redlet.asyncio.Redis.from_url):
        with pytest.raises(ValueError, match=text):
            make(url)


# After the end.


def test_a_closed_client_of_private_memory_says_so_whatever_it_is_asked() -> None:
    client = Redis()
    client.set("key", 1)
    pipeline, subscription = client.pipeline(), client.pubsub()
    client.close()
    client.close()
    uses: "list[Callable[[], Any]]" = [
        lambda: client.get("key"),
        lambda: client.execute_command("GET", "key"),
        lambda: client.blpop("list", 1),
        lambda: pipeline.get("key").execute(),
        lambda: client.pipeline().get("key").execute(),
        lambda: subscription.subscribe("channel"),
        lambda: client.lock("lock").acquire(),
    ]
    for use in uses:
        with pytest.raises(ConnectionError, match="closed"):
            use()
    assert repr(client) == "<redlet.Redis redlet://, closed>"


async def test_a_closed_asyncio_client_of_private_memory_says_so() -> None:
    client = redlet.asyncio.Redis()
    await client.set("key", 1)
    pipeline, subscription = client.pipeline(), client.pubsub()
    await client.aclose()
    await client.aclose()
    uses: "list[Callable[[], Any]]" = [
        lambda: client.get("key"),
        lambda: client.blpop("list", 1),
        lambda: pipeline.get("key").execute(),
        lambda: subscription.subscribe("channel"),
    ]
    for use in uses:
        with pytest.raises(ConnectionError, match="closed"):
            await use()
    assert repr(client) == "<redlet.asyncio.Redis redlet://, closed>"


def test_a_closed_store_says_so() -> None:
    store = Store()
    store.close()
    store.close()
    assert store.closed and repr(store) == "<redlet.Store closed>"
    for use in (lambda: store.get("key"), lambda: store.execute("GET", "key"), lambda: store.select(1), lambda: store.identity):
        with pytest.raises(ConnectionError, match="open it again to go on"):
            use()


def test_a_closed_client_on_disk_opens_its_store_again(tmp_path: Path) -> None:
    client = Redis(tmp_path / "store")
    client.set("key", 1)
    client.close()
    assert "closed" in repr(client)
    assert client.get("key") == b"1"
    assert repr(client) == f"<redlet.Redis {tmp_path / 'store'}, database 0, 1 key>"
    client.close()


def test_repr_says_where_a_store_is_and_how_much_is_in_it(tmp_path: Path) -> None:
    assert repr(Redis()) == "<redlet.Redis private memory, database 0, 0 keys>"
    with Redis.from_url("redlet://repr?db=2") as client:
        client.mset({"a": 1, "b": 2})
        assert repr(client) == '<redlet.Redis memory "repr", database 2, 2 keys>'
        client.connection_pool  # The long way has the same words.
        assert repr(client) == '<redlet.Redis memory "repr", database 2, 2 keys>'
        client._go_the_long_way()
        assert 'memory "repr"' in repr(client)
    assert repr(Store()) == "<redlet.Store private memory, database 0, 0 keys>"
    assert "localhost" in repr(Redis(host="localhost"))


def test_a_store_that_is_closed_under_a_waiting_client_wakes_it() -> None:
    client = Redis()
    errors: "list[BaseException]" = []

    def wait() -> None:
        try:
            client.blpop("list", 0)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    until(lambda: client.info("clients")["blocked_clients"] == 1)
    client.connection_pool.disconnect()
    client.close()
    thread.join(10)
    assert not thread.is_alive()
    assert [type(error) for error in errors] == [ConnectionError]


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no files")
def test_a_disk_that_fails_ends_the_writes_and_not_the_reads(tmp_path: Path) -> None:
    output = run(
        """
        import resource, sys, redlet
        client = redlet.Redis(sys.argv[1], appendfsync="always")
        client.set("key", "value")
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        acknowledged = 0
        try:
            while acknowledged < 1000:
                client.rpush("list", "x" * 1000)
                acknowledged += 1
        except redlet.ConnectionError as error:
            reason = str(error)
        for write in (lambda: client.set("key", "other"), lambda: client.pipeline().set("key", "other").execute(), lambda: client.client().set("key", "other")):
            try:
                write()
            except redlet.ConnectionError as error:
                assert str(error) == reason, (str(error), reason)
            else:
                raise AssertionError("it was acknowledged")
        print(client.get("key"), 10 < acknowledged < 100, "too large" in reason, reason)
        with open(sys.argv[1] + ".count", "w") as file:
            file.write(str(acknowledged))
        import os
        os._exit(0)
        """,
        tmp_path / "store",
    )
    assert output.startswith("b'value' True True "), output
    acknowledged = int((tmp_path / "store.count").read_text())
    with Redis(tmp_path / "store") as client:
        assert client.get("key") == b"value" and acknowledged <= client.llen("list") <= acknowledged + 1
