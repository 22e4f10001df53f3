"""redis-py against a server: its address and port, then the protocol's number, are the arguments."""
import asyncio
import sys
import threading

import redis
import redis.asyncio

HOST, PORT, PROTOCOL = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def values(client):
    client.flushall()
    assert client.ping()
    assert client.set("k", "v") is True
    assert client.get("k") == b"v"
    assert client.incrby("n", 5) == 5
    assert client.hset("h", mapping={"f": "1", "g": "2"}) == 2
    assert client.hgetall("h") == {b"f": b"1", b"g": b"2"}
    assert client.zadd("z", {"a": 1.5, "b": 2}) == 2
    scores = client.zrange("z", 0, -1, withscores=True)
    assert [tuple(pair) for pair in scores] == [(b"a", 1.5), (b"b", 2.0)], scores
    assert client.sadd("s", "x", "y") == 2
    assert client.smembers("s") == {b"x", b"y"}
    assert client.rpush("l", *range(1000)) == 1000
    assert len(client.lrange("l", 0, -1)) == 1000
    assert client.get("none") is None
    assert client.config_get("maxmemory") == {"maxmemory": "0"}
    assert client.info()["redis_version"]
    assert client.client_getname() in (None, b"", "")
    client.client_setname("tester")
    assert any(other["name"] == "tester" for other in client.client_list())
    big = bytes(range(256)) * 40_000
    client.set("big", big)
    assert client.get("big") == big
    try:
        client.incr("k")
    except redis.ResponseError as error:
        assert str(error) == "value is not an integer or out of range", error
    else:
        raise AssertionError("INCR of a word")
    assert sorted(client.scan_iter(count=10)) == sorted(client.keys())


def transactions(client):
    with client.pipeline(transaction=True) as pipe:
        pipe.set("a", 1).incr("a").get("a")
        assert pipe.execute() == [True, 2, b"2"]
    with client.pipeline(transaction=False) as pipe:
        for number in range(10_000):
            pipe.set(f"key:{number}", number)
        assert pipe.execute() == [True] * 10_000
    client.transaction(lambda pipe: pipe.multi() or pipe.set("a", 7), "a")
    assert client.get("a") == b"7"


def waiting(client):
    waiter = threading.Thread(target=lambda: found.append(client.blpop("queue", timeout=20)))
    found = []
    waiter.start()
    client.rpush("queue", "first")
    waiter.join()
    assert [tuple(pair) for pair in found] == [(b"queue", b"first")], found
    assert client.blpop("queue", timeout=0.01) is None


def messages(client):
    subscriber = client.pubsub()
    subscriber.subscribe("news")
    subscriber.psubscribe("n*")
    kinds = [subscriber.get_message(timeout=20)["type"] for _ in range(2)]
    assert kinds == ["subscribe", "psubscribe"], kinds
    assert client.publish("news", "hello") == 2
    found = [subscriber.get_message(timeout=20) for _ in range(2)]
    assert [(one["type"], one["data"]) for one in found] == [("message", b"hello"), ("pmessage", b"hello")], found
    subscriber.close()


async def asynchronous():
    client = redis.asyncio.Redis(host=HOST, port=PORT, protocol=PROTOCOL)
    await client.flushall()
    await client.set("k", "v")
    assert await client.get("k") == b"v"
    answers = await asyncio.gather(*(client.incr("n") for _ in range(50)))
    assert sorted(answers) == list(range(1, 51))
    async with client.pubsub() as subscriber:
        await subscriber.subscribe("news")
        assert (await subscriber.get_message(timeout=20))["type"] == "subscribe"
        await client.publish("news", "hello")
        assert (await subscriber.get_message(timeout=20))["data"] == b"hello"
    popped = asyncio.create_task(client.blpop("queue", timeout=20))
    await client.rpush("queue", "first")
    assert tuple(await popped) == (b"queue", b"first")
    await client.aclose()


client = redis.Redis(host=HOST, port=PORT, protocol=PROTOCOL)
values(client)
transactions(client)
waiting(client)
messages(client)
asyncio.run(asynchronous())
print(f"redis-py {redis.__version__} is content")
