"""Celery's store of results for ``redlet://``: ``Celery(backend="redlet://name")`` or ``backend="redlet:///path/of/store"``.

Celery finds it by its entry point. It is Celery's backend for Redis on connections of redlet; see ``redlet.kombu`` for what is kept and who is served.
"""

from __future__ import annotations

from typing import Any, Dict

from celery.backends.redis import RedisBackend

from redlet.client import Redis
from redlet.connection import Connection
from redlet.kombu import connection_options, without_password

__all__ = ["Backend"]


class Backend(RedisBackend):  # type: ignore[misc]
    """Celery's backend for Redis, without the server."""

    def _params_from_url(self, url: str, defaults: Dict[str, Any]) -> Dict[str, Any]:
        options = connection_options(url)
        network = ("host", "port", "socket_keepalive")
        parameters = {name: value for name, value in defaults.items() if name not in network}
        return {**parameters, "connection_class": Connection, **options}

    def _get_client(self) -> Any:
        return Redis

    def as_uri(self, include_password: bool = False) -> str:
        url = self.url or ""
        return url if include_password else without_password(url)
