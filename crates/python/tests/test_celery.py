"""Celery on redlet, broker and results; docs/python/celery.md says how."""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from celery_application import application
from packages import package
from patience import in_threads

import redlet
from redlet import Redis

celery = package("celery")
pytest.importorskip("redlet.kombu", reason="kombu's transport for Redis needs redis-py 6.1 or later", exc_type=ImportError)
start_worker = package("celery.contrib.testing.worker").start_worker

import redlet.celery  # noqa: E402


@pytest.fixture(scope="module")
def url() -> str:
    return "redlet://celery-tests"


@pytest.fixture(scope="module")
def app(url: str) -> Iterator[Any]:
    app = application(url)
    with start_worker(app, pool="threads", concurrency=4, perform_ping_check=False, shutdown_timeout=30, loglevel="ERROR"):
        yield app
    app.close()


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")


def test_celery_finds_the_backend_and_the_transport(app: Any) -> None:
    assert type(app.backend) is redlet.celery.Backend
    assert type(app.connection().transport) is redlet.kombu.Transport
    assert type(app.backend.client) is Redis


def test_tasks_have_results(app: Any) -> None:
    assert app.tasks["add"].delay(1, 2).get(timeout=20) == 3
    results = [app.tasks["add"].delay(number, number) for number in range(100)]
    assert [result.get(timeout=20) for result in results] == [2 * number for number in range(100)]


def test_a_task_that_fails_hands_on_its_exception(app: Any) -> None:
    result = app.tasks["bad"].delay()
    with pytest.raises(RuntimeError, match="broken"):
        result.get(timeout=20)
    assert result.state == "FAILURE"
    assert "RuntimeError: broken" in result.traceback


def test_a_task_is_tried_again(app: Any) -> None:
    assert app.tasks["flaky"].delay(3).get(timeout=20) == 3


def test_a_task_waits_until_its_time(app: Any, url: str) -> None:
    result = app.tasks["add"].apply_async((1, 2), countdown=0.3)
    assert not result.ready()
    assert result.get(timeout=20) == 3
    assert redlet.from_url(url).hlen("unacked") == 0


def test_chains_groups_and_chords(app: Any) -> None:
    add, total = app.tasks["add"], app.tasks["total"]
    assert celery.chain(add.s(1, 2), add.s(3), app=app)().get(timeout=20) == 6
    assert celery.group([add.s(number, 1) for number in range(20)], app=app)().get(timeout=20) == list(range(1, 21))
    assert celery.chord([add.s(number, 0) for number in range(20)], total.s(), app=app)().get(timeout=20) == sum(range(20))


def test_a_chord_of_which_one_task_fails_fails(app: Any) -> None:
    header = [app.tasks["add"].s(1, 1), app.tasks["bad"].s()]
    with pytest.raises(RuntimeError, match="broken"):
        celery.chord(header, app.tasks["total"].s(), app=app)().get(timeout=20)


def test_workers_are_asked_and_told_by_broadcast(app: Any) -> None:
    assert len(app.control.inspect(timeout=1).ping()) == 1
    result = app.tasks["add"].apply_async((1, 2), countdown=600)
    app.control.revoke(result.id, reply=True, timeout=1)
    (worker,) = app.control.inspect(timeout=1).revoked().values()
    assert result.id in worker


def test_results_are_forgotten_and_expire(app: Any, url: str) -> None:
    client = redlet.from_url(url)
    result = app.tasks["add"].delay(1, 2)
    assert result.get(timeout=20) == 3
    key = app.backend.get_key_for_task(result.id)
    assert 86000 < client.ttl(key) <= 86400
    result.forget()
    assert client.exists(key) == 0


def test_threads_wait_for_results_of_their_own(app: Any) -> None:
    def ask(offset: int) -> None:
        for number in range(20):
            assert app.tasks["add"].delay(offset, number).get(timeout=30) == offset + number

    in_threads(lambda offset: ask(1000 * offset), 6)


def test_a_private_url_is_refused() -> None:
    app = celery.Celery("application", backend="redlet://", set_as_current=False)
    with pytest.raises(ValueError, match="give it a name"):
        app.backend


def test_a_backend_shows_its_url_without_a_password() -> None:
    app = celery.Celery("application", backend="redlet://name?db=1&password=secret", set_as_current=False)
    assert app.backend.as_uri() == "redlet://name?db=1&password=**"
    assert app.backend.as_uri(include_password=True) == "redlet://name?db=1&password=secret"
    assert app.backend.client.connection_pool.connection_kwargs["db"] == 1
