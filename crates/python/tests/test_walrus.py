"""walrus on a store, as a class with redlet's client below it and by a pool."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Iterator

import pytest
from packages import package

from redlet import Redis

walrus = package("walrus")


class Database(walrus.Database, Redis):  # type: ignore[misc]
    """walrus, whose commands go straight to the engine."""


@pytest.fixture(params=["class", "pool"])
def db(request: pytest.FixtureRequest) -> Iterator[Any]:
    """walrus's database by each of the two ways."""
    client = Redis()
    yield Database() if request.param == "class" else walrus.Database(connection_pool=client.connection_pool)
    client.close()


def test_a_database_of_the_class_has_the_short_way(tmp_path: Path) -> None:
    db = Database(tmp_path / "store")
    assert db._thin is not None and repr(db).endswith(f"Database {tmp_path / 'store'}, database 0, 0 keys>")
    db.Hash("hash").update(name="Ann")
    db.close()
    assert Redis(tmp_path / "store").hgetall("hash") == {b"name": b"Ann"}


def test_containers_are_those_of_the_store(db: Any) -> None:
    hash_, list_, set_, sorted_ = db.Hash("hash"), db.List("list"), db.Set("set"), db.ZSet("sorted")
    hash_.update(a=1, b=2)
    list_.extend(["a", "b", "c"])
    set_.add("a", "b")
    sorted_.add({"a": 1, "b": 2, "c": 3})
    assert hash_.as_dict(decode=True) == {"a": "1", "b": "2"} and "a" in hash_ and len(hash_) == 2
    assert list_[0] == b"a" and list_[1:] == [b"b", b"c"] and list_.popleft() == b"a"
    assert set(set_) == {b"a", b"b"} and "a" in set_ and set_ & db.Set("none") == set()
    assert list(sorted_) == [(b"a", 1.0), (b"b", 2.0), (b"c", 3.0)] and sorted_.score("b") == 2.0 and sorted_.rank("c") == 2
    array = db.Array("array")
    array.extend(["one", "two", "three"])
    assert array.pop(0) == b"one" and array[0] == b"two" and list(array) == [b"two", b"three"]
    db.HyperLogLog("visitors").add("a", "b", "a")
    assert len(db.HyperLogLog("visitors")) == 2


def test_transactions_and_pipelines_are_atomic(db: Any) -> None:
    with db.atomic() as atomic:
        atomic.pipe.set("a", 1)
        with db.atomic() as nested:
            nested.pipe.set("b", 2)
            nested.clear()
    assert db.mget("a", "b") == [b"1", None]

    def transfer(pipeline: Any) -> None:
        value = int(pipeline.get("a"))
        pipeline.multi()
        pipeline.set("a", value + 1)

    assert db.transaction(transfer, "a") == [True] and db.get("a") == b"2"


def test_models_are_stored_and_found(db: Any) -> None:
    class Note(walrus.Model):  # type: ignore[misc]
        __database__ = db
        __namespace__ = "test"
        name = walrus.TextField(primary_key=True)
        text = walrus.TextField(fts=True)
        stars = walrus.IntegerField(index=True)
        tags = walrus.SetField()

    for number, (name, text) in enumerate([("one", "Read the manual"), ("two", "Write a manual"), ("three", "Read a book")]):
        Note.create(name=name, text=text, stars=number).tags.add(name)
    assert {note.name for note in Note.query(Note.stars >= 1)} == {"two", "three"}
    assert [note.name for note in Note.query((Note.stars < 2) & (Note.name == "two"))] == ["two"]
    assert {note.name for note in Note.query(Note.text.search("read OR write"))} == {"one", "two", "three"}
    assert [note.name for note in Note.query(Note.text.search("manual AND read"))] == ["one"]
    note = Note.load("two")
    note.delete()
    assert sorted(note.name for note in Note.all()) == ["one", "three"] and Note.count() == 2


def test_caches_locks_and_limits(db: Any) -> None:
    cache = db.cache(name="cache")
    calls = []

    @cache.cached(timeout=60)
    def slow(number: int) -> int:
        calls.append(number)
        return number * 2

    with warnings.catch_warnings():
        # walrus calls SETEX by its old name.
        warnings.simplefilter("ignore", DeprecationWarning)
        assert [slow(21), slow(21)] == [42, 42] and calls == [21]
    slow.bust(21)
    lock = db.lock("lock", ttl=60_000)
    assert lock.acquire() and db.lock("lock").acquire(block=False) is False and lock.release()
    limit = db.rate_limit("limit", limit=2, per=60)
    assert [limit.limit("ann") for _ in range(3)] == [False, False, True] and limit.limit("bob") is False


def test_autocompletion_counters_and_graphs(db: Any) -> None:
    names = db.autocomplete()
    names.store(1, title="Redis as a library")
    names.store(2, title="A library of tapes")
    assert len(list(names.search("libr"))) == 2 and list(names.search("red")) == ["Redis as a library"]
    assert [db.counter("counter").incr(), db.counter("counter").incr(3)] == [1, 4]
    graph = db.graph("graph")
    graph.store_many([("ann", "likes", "tea"), ("bob", "likes", "tea"), ("bob", "likes", "milk")])
    assert graph.search({"s": graph.v.who, "p": "likes", "o": "tea"})["who"] == {"ann", "bob"}


def test_streams_and_their_groups(db: Any) -> None:
    stream = db.Stream("stream")
    first, second = stream.add({"n": "1"}), stream.add({"n": "2"})
    assert [message for message, _ in stream] == [first, second] and len(stream) == 2 and stream[first] == (first, {b"n": b"1"})
    group = db.consumer_group("group", ["stream"])
    group.create()
    group.set_id("0")
    assert [message for message, _ in group.stream.read(count=1)] == [first]
    assert group.stream.ack(first) == 1
    assert stream.trim(1, approximate=False) == 1 and len(stream) == 1
