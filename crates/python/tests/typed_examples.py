"""What type checkers make of redlet. They read this file, and it is run too, so that what they accept is
also what works. Lines that they must refuse have a comment that says so, which they refuse where it is not needed."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Union

import redis
import redis.asyncio
from typing_extensions import assert_type

import redlet
import redlet.asyncio
import redlet.client


def clients() -> None:
    r = redlet.Redis(decode_responses=True)
    assert_type(r, redlet.Redis)
    as_redis_py: redis.Redis = r
    assert as_redis_py is r
    r.set("greeting", "hello", ex=timedelta(minutes=1))
    assert_type(r.get("greeting"), Union[bytes, str, None])
    assert_type(r.incr("visits"), int)
    assert_type(r.hgetall("user"), Dict[Union[bytes, str], Union[bytes, str]])
    assert_type(r.smembers("tags"), Set[Union[bytes, str]])
    assert_type(r.exists("greeting"), int)
    with r.lock("report", timeout=5) as lock:
        assert lock.owned()
    assert_type(r.pipeline(), redlet.client.Pipeline)
    with r.pipeline() as pipe:
        pipe.set("a", 1)
        pipe.get("a")
        assert_type(pipe.execute(), List[Any])
    assert_type(r.db, str)
    assert_type(r.pid, int)
    assert_type(r.server_config, Dict[str, Any])
    r.close()


def constructors() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        with redlet.Redis(path, appendfsync="no", databases=4, db=1, protocol=2) as r:
            assert_type(r, redlet.Redis)
            assert r.ping()
    with redlet.StrictRedis(serverconfig={"maxmemory": "10mb"}) as r:
        assert r.ping()
    assert_type(redlet.Redis.from_url("redlet://"), redlet.Redis)
    assert_type(redlet.StrictRedis.from_url("redlet://"), redlet.StrictRedis)
    assert_type(redlet.from_url("redlet://types"), redlet.Redis)
    try:
        redlet.Redis(decode_respones=True)  # type: ignore[call-arg]
    except TypeError:
        pass
    try:
        redlet.Redis(db="first")  # type: ignore[arg-type]
    except redlet.ResponseError:
        pass


async def asyncio_clients() -> None:
    async with redlet.asyncio.Redis(client_name="types") as ar:
        assert_type(ar, redlet.asyncio.Redis)
        as_redis_py: redis.asyncio.Redis = ar
        assert as_redis_py is ar
        await ar.set("greeting", "hello")
        assert_type(await ar.get("greeting"), Union[bytes, str, None])
        assert_type(await ar.incr("visits"), int)
        pipe = ar.pipeline()
        assert_type(pipe, redlet.asyncio.Pipeline)
        pipe.get("greeting")
        assert_type(await pipe.execute(), List[Any])
    assert_type(redlet.asyncio.Redis.from_url("redlet://"), redlet.asyncio.Redis)
    assert_type(redlet.asyncio.from_url("redlet://types"), redlet.asyncio.Redis)


def stores() -> None:
    store = redlet.Store()
    assert_type(store, "redlet.Store[bytes]")
    assert_type(store.get("k"), Optional[bytes])
    assert_type(store.set("k", 1, nx=True), Optional[bool])
    assert_type(store.set("k", 2.5, get=True), Optional[bytes])
    assert_type(store.mget("k", b"other"), List[Optional[bytes]])
    assert_type(store.incr("n", 5), int)
    assert_type(store.incrbyfloat("f", 0.5), float)
    assert_type(store.hset("h", mapping={"a": 1, b"b": "2"}), int)
    assert_type(store.hgetall("h"), Dict[bytes, bytes])
    assert_type(store.smembers("s"), Set[bytes])
    assert_type(store.zadd("z", {"ada": 1.5}), int)
    assert_type(store.zscore("z", "ada"), Optional[float])
    assert_type(store.zrange("z", 0, -1), List[bytes])
    assert_type(store.execute("ZRANGE", "z", 0, -1, "WITHSCORES"), Any)
    assert_type(store.closed, bool)
    try:
        store.set("k", None)  # type: ignore[call-overload]
    except redlet.DataError:
        pass
    store.close()


def stores_of_text() -> None:
    with redlet.Store(decode_responses=True) as store:
        assert_type(store, "redlet.Store[str]")
        assert_type(store.get("k"), Optional[str])
        assert_type(store.set("k", "v", get=True), Optional[str])
        assert_type(store.lrange("l", 0, -1), List[str])
        assert_type(store.hgetall("h"), Dict[str, str])
        assert_type(store.select(1), "redlet.Store[bytes]")
        assert_type(store.select(1, decode_responses=True), "redlet.Store[str]")
    assert_type(longest(redlet.Store(name="types")), Optional[bytes])


def longest(store: redlet.Store) -> Optional[bytes]:
    """Without a parameter in brackets, a store is one of bytes."""
    return max(store.hvals("h"), key=len, default=None)


def clocks() -> None:
    clock = redlet.Clock(1_000_000_000)
    store = redlet.Store(clock=clock)
    store.set("k", "v", ex=10)
    clock.advance(timedelta(seconds=11))
    assert_type(clock.now(), float)
    assert store.get("k") is None
    r = redlet.Redis(clock=clock)
    assert r.ping()


if __name__ == "__main__":
    clients()
    constructors()
    asyncio.run(asyncio_clients())
    stores()
    stores_of_text()
    clocks()
