"""An application of Celery with the tasks that tests have done."""

from __future__ import annotations

from typing import Any

import redlet


def application(url: str, **settings: Any) -> Any:
    """An application with the tasks of these tests."""
    import celery

    app = celery.Celery("application", broker=url, backend=url, set_as_current=False)
    app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False, **settings)

    @app.task(name="add", shared=False)
    def add(one: int, other: int) -> int:
        return one + other

    @app.task(name="total", shared=False)
    def total(numbers: "list[int]") -> int:
        return sum(numbers)

    @app.task(name="flaky", shared=False, bind=True, max_retries=5)
    def flaky(self: Any, failures: int) -> int:
        if self.request.retries < failures:
            raise self.retry(countdown=0, exc=ValueError("not yet"))
        return int(self.request.retries)

    @app.task(name="bad", shared=False)
    def bad() -> None:
        raise RuntimeError("broken")

    @app.task(name="count", shared=False, acks_late=True)
    def count(number: int) -> None:
        redlet.from_url(url).rpush("counted", number)

    return app
