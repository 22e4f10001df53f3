"""channels_redis on redlet; docs/python/channels.md says how."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, AsyncIterator, Tuple

import pytest
from packages import package
from programs import end, start

import redlet

channels_redis = package("channels_redis")
RedisChannelLayer = package("channels_redis.core").RedisChannelLayer
RedisPubSubChannelLayer = package("channels_redis.pubsub").RedisPubSubChannelLayer


@pytest.fixture(autouse=True)
def scheme() -> None:
    redlet.install_url_scheme()


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    return "redlet://channels-" + request.node.name.replace("[", "-").replace("]", "")


@pytest.fixture(params=[RedisChannelLayer, RedisPubSubChannelLayer], ids=["core", "pubsub"])
async def layers(request: pytest.FixtureRequest, url: str) -> "AsyncIterator[Tuple[Any, Any]]":
    """Two layers on one store, as two applications have them."""
    both = request.param(hosts=[url]), request.param(hosts=[url])
    yield both
    for layer in both:
        await layer.flush()
        close = getattr(layer, "close_pools", None)
        if close is not None:
            await close()


async def receive(layer: Any, channel: str) -> Any:
    return await asyncio.wait_for(layer.receive(channel), 20)


async def test_a_channel_delivers_in_order(layers: Any) -> None:
    one, other = layers
    channel = await one.new_channel()
    for number in range(50):
        await other.send(channel, {"type": "count", "number": number})
    received = [(await receive(one, channel))["number"] for _ in range(50)]
    assert received == list(range(50))


async def test_a_group_delivers_to_all_of_its_channels(layers: Any) -> None:
    one, other = layers
    channels = [(layer, await layer.new_channel()) for layer in (one, other, one)]
    for layer, channel in channels:
        await layer.group_add("group", channel)
    await other.group_send("group", {"type": "hello"})
    for layer, channel in channels:
        assert await receive(layer, channel) == {"type": "hello"}
    layer, left = channels[0]
    await layer.group_discard("group", left)
    await one.group_send("group", {"type": "again"})
    for layer, channel in channels[1:]:
        assert await receive(layer, channel) == {"type": "again"}
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(one.receive(left), 0.05)


async def test_a_receiver_that_is_cancelled_loses_nothing(url: str) -> None:
    one, other = RedisChannelLayer(hosts=[url]), RedisChannelLayer(hosts=[url])
    channel = await one.new_channel()
    for number in range(20):
        waiting = asyncio.create_task(one.receive(channel))
        await asyncio.sleep(0.002)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await other.send(channel, {"type": "number", "number": number})
        assert (await receive(one, channel))["number"] == number
    await one.close_pools()
    await other.close_pools()


async def test_many_receivers_of_one_process(layers: Any) -> None:
    one, other = layers
    channels = [await one.new_channel() for _ in range(20)]
    tasks = [asyncio.create_task(receive(one, channel)) for channel in channels]
    await asyncio.sleep(0)
    for number, channel in enumerate(channels):
        await other.send(channel, {"type": "number", "number": number})
    assert [message["number"] for message in await asyncio.gather(*tasks)] == list(range(20))


async def test_a_full_channel_takes_no_more(url: str) -> None:
    layer = RedisChannelLayer(hosts=[url], capacity=3)
    for _ in range(3):
        await layer.send("channel", {"type": "x"})
    with pytest.raises(package("channels.exceptions").ChannelFull):
        await layer.send("channel", {"type": "x"})
    await layer.group_add("group", "channel")
    await layer.group_send("group", {"type": "dropped"})
    for _ in range(3):
        assert (await receive(layer, "channel"))["type"] == "x"
    await layer.close_pools()


def test_each_event_loop_has_connections_of_its_own(url: str) -> None:
    layer = RedisChannelLayer(hosts=[url])

    async def send_and_receive(number: int) -> Any:
        await layer.send("channel", {"type": "number", "number": number})
        found = await receive(layer, "channel")
        await layer.close_pools()
        return found["number"]

    assert [asyncio.run(send_and_receive(number)) for number in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("layer", ["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"])
async def test_processes_talk_through_the_owner_of_a_store(layer: str, tmp_path: Path) -> None:
    module, name = layer.split(".")
    client = redlet.Redis(tmp_path / "store")
    assert Path(client.socket_file).exists()
    here = getattr(package(f"channels_redis.{module}"), name)(hosts=[f"redlet://{tmp_path}/store"])
    answer = await here.new_channel()
    await here.group_add("answers", answer)
    other = start(
        f"""
        import asyncio, sys, redlet
        from channels_redis.{module} import {name}

        redlet.install_url_scheme()

        async def main():
            layer = {name}(hosts=["redlet://" + sys.argv[1]])
            own = await layer.new_channel()
            await layer.group_send("answers", {{"type": "here", "channel": own}})
            message = await layer.receive(own)
            await layer.group_send("answers", {{"type": "answer", "number": message["number"] + 1}})

        asyncio.run(main())
        """,
        tmp_path / "store",
    )
    there = (await receive(here, answer))["channel"]
    await here.send(there, {"type": "question", "number": 1})
    assert (await receive(here, answer))["number"] == 2
    await here.flush()
    assert end(other).code == 0
