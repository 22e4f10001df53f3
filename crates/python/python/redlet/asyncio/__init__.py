"""``redlet.asyncio.Redis``: redis-py's asyncio client on a store in the process.

>>> import asyncio
>>> from redlet.asyncio import Redis
>>> async def main():
...     async with Redis() as r:
...         await r.set("greeting", "hello")
...         return await r.get("greeting")
>>> asyncio.run(main())
b'hello'
"""

from __future__ import annotations

from redlet.asyncio.client import Pipeline, Redis, StrictRedis
from redlet.asyncio.connection import Connection

from_url = Redis.from_url

__all__ = ["Connection", "Pipeline", "Redis", "StrictRedis", "from_url"]
