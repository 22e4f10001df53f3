"""What ``serverconfig`` and the keywords of a client say of the store itself."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional, Union

from redlet._native import Clock
from redlet.configuration import config_line
from redlet.location import Location

#: Directives of a server that a store in the process has no use for.
_OF_A_SERVER = frozenset(
    "activerehashing aof-rewrite-incremental-fsync appendfilename appendonly bind client-output-buffer-limit daemonize dbfilename dir logfile "
    "loglevel no-appendfsync-on-rewrite pidfile port protected-mode rdbchecksum rdbcompression repl-disable-tcp-nodelay slave-priority "
    "slave-read-only slave-serve-stale-data stop-writes-on-bgsave-error supervised syslog-enabled tcp-backlog tcp-keepalive unixsocket "
    "unixsocketperm save lua-time-limit hash-max-ziplist-entries hash-max-ziplist-value list-max-ziplist-entries list-max-ziplist-value "
    "zset-max-ziplist-entries zset-max-ziplist-value".split()
)


class StoreSettings:
    """The parameters that a store is opened with."""

    def __init__(self, given: Mapping[str, Any], options: Dict[str, Any]) -> None:
        self.given = given
        self.options = options

    @property
    def text(self) -> str:
        """The settings in the form of redis.conf."""
        return "".join(config_line(name, value) + "\n" for name, value in self.given.items() if value is not None)

    def location(
        self, path: "Union[str, os.PathLike[str], None]", clock: Optional[Clock]
    ) -> Location:
        """Where a client with these settings has its store."""
        if path is None:
            options = dict(self.options)
            options.pop("appendfsync", None)
            if clock is not None:
                options["clock"] = clock
            return Location.private(**options)
        if clock is not None:
            raise ValueError("a clock of one's own is for private stores: leave out the path")
        return Location.on_disk(path, **self.options)


def settings_of(
    serverconfig: Optional[Mapping[str, Any]], databases: Optional[int], appendfsync: Optional[str]
) -> StoreSettings:
    """Reads ``serverconfig``: directives of redis.conf, each with a value, a list of values, or ``None``, which says nothing."""
    if serverconfig is not None and not isinstance(serverconfig, Mapping):
        raise TypeError(
            "serverconfig is a dictionary of redis.conf's directives; the address of a server is given by name, as host= and port="
        )
    given = dict(serverconfig or {})
    options: Dict[str, Any] = {}
    parameters: Dict[str, str] = {}
    for name, value in given.items():
        name = name.lower()
        if value is None or name in _OF_A_SERVER:
            continue
        values: List[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
        text = " ".join(str(one) for one in values)
        if name == "databases":
            options["databases"] = int(text)
        elif name == "appendfsync":
            options["appendfsync"] = text
        else:
            parameters[name] = text
    if parameters:
        options["parameters"] = parameters
    if databases is not None:
        options["databases"] = databases
    if appendfsync is not None:
        options["appendfsync"] = appendfsync
    return StoreSettings(given, options)
