"""Other versions of redis-py than the one that is installed here. What redis-py makes of replies has changed from one to the next, and redlet's fast
way must have changed with it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import redlet

# The newest of each line, and the oldest that is allowed.
VERSIONS = ["5.0.0", "5.3.1", "6.4.0", "7.0.1", "7.2.0", "8.0.0"]

PROGRAM = textwrap.dedent(
    """
    import asyncio, threading

    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    import redlet
    import redlet.asyncio
    from redlet.testing import replace

    COMMANDS = [
        ("set", "k", "v", {"ex": 100}), ("get", "k"), ("get", "nothing"), ("set", "k", "w", {"nx": True}), ("getset", "k", "v"),
        ("mset", {"a": 1, "b": 2}), ("mget", ["a", "b", "c"]), ("mget", "a", "b"), ("incr", "a"), ("incrbyfloat", "a", 0.5),
        ("exists", "a", "b"), ("expire", "a", 100), ("ttl", "a"), ("persist", "a"), ("pttl", "b"), ("type", "a"), ("delete", "b"),
        ("hset", "h", {"mapping": {"f": 1, "g": "two"}}), ("hget", "h", "f"), ("hgetall", "h"), ("hmget", "h", "f", "x"), ("hexists", "h", "f"),
        ("hincrby", "h", "f", 2), ("hincrbyfloat", "h", "f", 0.5), ("hkeys", "h"), ("hvals", "h"), ("hlen", "h"), ("hrandfield", "h", 2, True),
        ("rpush", "l", 1, 2, 3), ("lrange", "l", 0, -1), ("lpop", "l"), ("lpop", "l", 2), ("llen", "l"), ("lpos", "l", 1),
        ("sadd", "s", "x", "y"), ("smembers", "s"), ("sismember", "s", "x"), ("smismember", "s", "x", "q"), ("sinter", "s", "s"), ("scard", "s"),
        ("zadd", "z", {"a": 1.5, "b": 2}), ("zscore", "z", "a"), ("zrank", "z", "b"), ("zrange", "z", 0, -1),
        ("zrange", "z", 0, -1, {"withscores": True}), ("zrangebyscore", "z", 0, 9, {"withscores": True}), ("zincrby", "z", 2, "a"),
        ("zmscore", "z", ["a", "q"]), ("zpopmin", "z"), ("zcard", "z"), ("zscan", "z"), ("bzpopmin", ["z"], 1),
        ("xadd", "x", {"f": "v"}, "1-1"), ("xlen", "x"), ("xrange", "x"), ("xread", {"x": 0}), ("xinfo_stream", "x"),
        ("geoadd", "p", (13.4, 52.5, "berlin", 2.35, 48.9, "paris")), ("geodist", "p", "berlin", "paris", "km"), ("geopos", "p", "berlin"),
        ("scan", ), ("keys", "a*"), ("dbsize", ), ("ping", ), ("echo", "e"), ("config_get", "maxmemory"), ("client_getname", ),
        ("object", "encoding", "h"), ("setbit", "bits", 7, 1), ("bitcount", "bits"), ("pfadd", "hll", "a"), ("pfcount", "hll"),
        ("eval", "return {1, 'two', redis.call('GET', KEYS[1])}", 1, "k"), ("script_exists", "00"), ("get", "l2"), ("lpush", "k", 1), ("blpop", ["l2"], 0.01),
    ]

    def call(client, command):
        *args, options = command if isinstance(command[-1], dict) and command[0] not in ("mset", "zadd", "xread", "xadd") else (*command, {})
        try:
            return getattr(client, args[0])(*args[1:], **options)
        except redis.RedisError as error:
            return type(error), str(error)

    def settled(answer):
        # Which comes first in a set is chance, and whether it is a list depends on hiredis before redis-py 5.1.
        if isinstance(answer, (list, tuple, set)):
            return sorted(map(repr, map(settled, answer)))
        return answer

    for options in ({}, {"protocol": 2}, {"protocol": 3}, {"protocol": 3, "decode_responses": True}):
        fast = redlet.Redis(**options)
        long = redlet.Redis(retry=Retry(NoBackoff(), 1), **options)
        assert fast._direct is not None and long._direct is None
        for command in COMMANDS:
            if not hasattr(fast, command[0]):
                continue
            got, expected = call(fast, command), call(long, command)
            assert settled(got) == settled(expected), (options, command, got, expected)

        async def compare():
            afast = redlet.asyncio.Redis(**options)
            along = redlet.asyncio.Redis(single_connection_client=True, **options)
            for command in COMMANDS:
                if not hasattr(afast, command[0]):
                    continue
                answers = []
                for one in (afast, along):
                    try:
                        answers.append(await call(one, command))
                    except redis.RedisError as error:
                        answers.append((type(error), str(error)))
                assert settled(answers[0]) == settled(answers[1]), (options, command, answers)
            await afast.aclose()
            await along.aclose()

        asyncio.run(compare())
        results = []
        for client in (fast, long):
            client.flushall()
            pipe = client.pipeline()
            pipe.set("n", 1)
            pipe.incr("n")
            pipe.zadd("z", {"a": 1.5})
            pipe.zrange("z", 0, -1, withscores=True)
            pipe.hset("h", "f", "v")
            pipe.hgetall("h")
            results.append(pipe.execute())
        assert results[0] == results[1], results

    r = redlet.Redis()
    with r.pubsub() as messages:
        messages.subscribe("c")
        messages.get_message(timeout=5)
        r.publish("c", "m")
        assert messages.get_message(timeout=5)["data"] == b"m"
    with r.lock("lock", timeout=5):
        pass
    waiting = threading.Thread(target=lambda: results.append(r.blpop("queue")))
    waiting.start()
    r.rpush("queue", "job")
    waiting.join()
    assert results[-1] == (b"queue", b"job")
    redlet.install_url_scheme()
    one, other = redis.from_url("redlet://versions"), redlet.from_url("redlet://versions")
    one.set("k", "v")
    assert other.get("k") == b"v"

    kept = redis.Redis(host="nobody.invalid")
    with replace():
        kept.set("k", "v")
        assert redis.from_url("redis://nobody.invalid").get("k") == b"v"
        pool = redis.BlockingConnectionPool(host="nobody.invalid", connection_class=redis.SSLConnection)
        assert redis.Redis(connection_pool=pool).get("k") == b"v"

        async def main():
            akept = redis.asyncio.Redis(host="nobody.invalid")
            assert await akept.get("k") == b"v"
            waiting = asyncio.ensure_future(akept.blpop(["queue"]))
            await asyncio.sleep(0)
            kept.rpush("queue", "job")
            assert await waiting == (b"queue", b"job")

        asyncio.run(main())
    print(redis.__version__)
    """
)


@pytest.mark.nightly
@pytest.mark.parametrize("version", VERSIONS)
def test_the_fast_way_and_the_long_one_agree_with_every_version_of_redis_py(version: str, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path), f"redis=={version}"]
    subprocess.run(install, check=True, timeout=300)
    path = os.pathsep.join([str(tmp_path), str(Path(redlet.__file__).parents[1])])
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == version


def test_the_fast_way_and_the_long_one_agree_with_this_version_of_redis_py() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
