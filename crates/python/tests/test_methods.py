"""Every method that redlet mirrors gives what redis-py gives with a real server: the same value, of the same types, or the same exception
with the same words.

Each method runs on a server and on redlet, by the fast way and by the long ones, with the protocols, with and without decoding, in pipelines
and transactions, in threads' clients and asyncio's. The calls are in `method_cases.py`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import itertools
import os
from typing import Any, Awaitable, Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

import method_cases
import pytest
import redis
import redis.asyncio
from method_cases import CASES, FIXTURE, STORIES, Call, c
from redis.backoff import NoBackoff
from redis.retry import Retry

import redlet
import redlet.asyncio
from redlet import direct
from redlet.connection import no_notifications
from redlet.exceptions import REDIS_PY, LongWay
from redlet.location import Location

pytestmark = pytest.mark.filterwarnings("ignore")

Options = Dict[str, Any]
#: How a call ended ("returns", "raises") and with what.
Outcome = Tuple[str, Any]

_PROTOCOLS: List[Options] = [{}, {"protocol": 2}, {"protocol": 3}]
_LEGACY: List[Options] = [{}]
if "legacy_responses" in inspect.signature(redis.Redis.__init__).parameters:
    _LEGACY.append({"legacy_responses": False})

#: The keywords of clients with which everything runs.
SETTINGS: List[Options] = [
    {**protocol, **decode, **legacy}
    for legacy, protocol, decode in itertools.product(_LEGACY, _PROTOCOLS, [{}, {"decode_responses": True}])
]
#: Fewer of them, for pipelines and asyncio: beside the callbacks, which are the same, nothing that is their own depends on protocols.
SOME_SETTINGS: List[Options] = [{}, {"protocol": 3, "decode_responses": True}, {"protocol": 2, **_LEGACY[-1]}]

#: Settings, and whether for asyncio.
RUNS: List[Tuple[Options, bool]] = [(settings, False) for settings in SETTINGS]
RUNS += [(settings, True) for settings in (SETTINGS if os.environ.get("REDLET_NIGHTLY") else SOME_SETTINGS)]


def named(settings: Options) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or "defaults"


# Running calls.


def drive(coroutine: Any) -> Any:
    """Runs a coroutine of a client for threads, which never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits for something")


async def now(value: Any) -> Any:
    """What a call of either client returns in the end: all of it, if it is an iterator."""
    if inspect.isawaitable(value):
        value = await value
    if inspect.isasyncgen(value):
        return [item async for item in value]
    if inspect.isgenerator(value):
        return list(value)
    return value


async def outcome(call: Call, target: Any) -> Outcome:
    """How a call ends."""
    try:
        return "returns", await now(getattr(target, call.method)(*call.args, **call.keywords))
    except Exception as error:
        return "raises", error


@dataclasses.dataclass
class Place:
    """A client on which calls are run, how its keys become those of `FIXTURE`, and how coroutines are run on it."""

    name: str
    client: Any
    prepare: Callable[[], None]
    run: Callable[[Awaitable[Any]], Any]
    #: Makes another client of the same data.
    fresh: Callable[..., Any]
    #: The URL of the same data.
    url: str


def run_calls(place: Place, calls: Sequence[Call]) -> List[Outcome]:
    async def play() -> List[Outcome]:
        return [await outcome(call, place.client) for call in calls]

    place.prepare()
    return place.run(play())  # type: ignore[no-any-return]


def run_pipeline(place: Place, calls: Sequence[Call], transaction: bool, raises: bool = False) -> List[Tuple[Call, Outcome]]:
    """How the methods of a pipeline end, and then the commands that they have recorded."""

    async def play() -> List[Tuple[Call, Outcome]]:
        pipeline = place.client.pipeline(transaction=transaction)
        ends: List[Tuple[Call, Outcome]] = []
        recorded: List[Call] = []
        for call in calls:
            before = len(pipeline)
            try:
                returned = getattr(pipeline, call.method)(*call.args, **call.keywords)
                ends.append((call, ("records", returned is pipeline)))
            except Exception as error:
                ends.append((call, ("raises", error)))
            recorded += [call] * (len(pipeline) - before)
        how, result = await outcome(c.execute(raises), pipeline)
        if how == "returns":
            assert type(result) is list and len(result) == len(recorded), "one reply for each command"
            ends += [(call, ("returns", value)) for call, value in zip(recorded, result)]
        else:
            ends.append((c.execute(), (how, result)))
            if place.name.startswith("server"):
                # Some versions of redis-py leave the answers behind the failure to whoever is next.
                await now(place.client.connection_pool.disconnect())
        assert len(pipeline) == 0, "a pipeline that has run is empty"
        return ends

    place.prepare()
    return place.run(play())  # type: ignore[no-any-return]


# Comparing.


def shape(value: Any) -> Any:
    """A value with the types of all of its parts, so that `1`, `1.0` and `True` differ."""
    if isinstance(value, BaseException):
        return type(value), str(value)
    if isinstance(value, dict):
        return type(value), [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(repr(shape(item)) for item in value)
    if isinstance(value, (list, tuple)):
        return type(value), [shape(item) for item in value]
    return type(value), repr(value)


#: What redis-py says of a value that can be no word: hiredis, if it is there, has a sentence of its own that does not name the type.
_NO_WORD = ("A tuple item must be str, int, float or bytes.", "Invalid input of type: ")


def seen(call: Call, end: Outcome) -> Any:
    """What of an outcome is compared."""
    how, value = end
    if isinstance(value, BaseException):
        text = str(value)
        return how, type(value), "no type for a word" if text.startswith(_NO_WORD) else text
    return how, shape(call.look(value))


def differences(calls: Iterable[Call], expected: Sequence[Outcome], got: Sequence[Outcome]) -> List[str]:
    """What to say of the calls that ended in another way than expected."""
    found = []
    for number, (call, wanted, had) in enumerate(zip(calls, expected, got)):
        if not call.differs and seen(call, wanted) != seen(call, had):
            found.append(f"call {number}, {call}: a server {told_briefly(wanted)}, and here it {told_briefly(had)}")
    return found


def told_briefly(end: Outcome) -> str:
    how, value = end
    text = f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else repr(value)
    return f"{how} {text:.300}"


# The places.

class Places:
    """All clients, made when they are needed and kept for all methods."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._admin = redis.Redis(unix_socket_path=server)
        # Waiting ends when the server looks, ten times a second by default.
        self._admin.config_set("hz", 500)
        self._kept: Dict[Tuple[str, bool, str], Place] = {}

    def run_in_loop(self, coroutine: Awaitable[Any]) -> Any:
        return self._loop.run_until_complete(coroutine)  # type: ignore[arg-type]

    def get(self, kind: str, is_async: bool, settings: Options) -> Place:
        key = (kind, is_async, named(settings))
        if key not in self._kept:
            self._kept[key] = getattr(self, "_" + kind)(is_async, settings)
        place = self._kept[key]
        if kind == "fast":
            assert place.client._direct is not None, "it goes the long way"
            assert (place.client._thin is not None) == direct.knows_results(settings.get("protocol", 2))
        return place

    def _place(
        self, name: str, is_async: bool, settings: Options, make: Callable[..., Any], prepare: Callable[[], None], url: str
    ) -> Place:
        def fresh(**more: Any) -> Any:
            return make(**{**settings, **more})

        title = f"{name}, {'asyncio' if is_async else 'threads'}, {named(settings)}"
        return Place(title, fresh(), prepare, self.run_in_loop if is_async else drive, fresh, url)

    def _server_(self, is_async: bool, settings: Options) -> Place:
        module: Any = redis.asyncio if is_async else redis

        def prepare() -> None:
            pipeline = self._admin.pipeline(transaction=False)
            pipeline.flushall()
            pipeline.execute_command("SCRIPT FLUSH")
            for words in FIXTURE:
                pipeline.execute_command(*words)
            pipeline.execute()

        # redis-py 7 wants to be notified of a move, which it cannot have at a Unix socket: then it raises, unless its pool is told not to.
        quiet = no_notifications() if REDIS_PY[0] == 7 and not is_async else {}

        def make(**options: Any) -> Any:
            if not quiet:
                return module.Redis(unix_socket_path=self._server, **options)
            pool = {"connection_class": redis.UnixDomainSocketConnection, "path": self._server}
            return redis.Redis(connection_pool=redis.ConnectionPool(**pool, **quiet, **options))

        return self._place("server", is_async, settings, make, prepare, f"unix://{self._server}")

    def _redlet(self, name: str, is_async: bool, settings: Options, make: Callable[..., Any]) -> Place:
        location = Location.named(f"{name} {is_async} {named(settings)}".replace(" ", "-"))
        store = location.store()

        def prepare() -> None:
            store.execute("FLUSHALL")
            store.execute("SCRIPT", "FLUSH")
            for words in FIXTURE:
                store.execute(*words)

        def make_here(**options: Any) -> Any:
            return make(location=location, **options)

        return self._place(name, is_async, settings, make_here, prepare, f"redlet://{location.place}")

    def _fast(self, is_async: bool, settings: Options) -> Place:
        cls = redlet.asyncio.Redis if is_async else redlet.Redis
        return self._redlet("fast", is_async, settings, cls)

    def _pooled(self, is_async: bool, settings: Options) -> Place:
        module: Any = redis.asyncio if is_async else redis
        connection = redlet.asyncio.Connection if is_async else redlet.Connection

        def make(**options: Any) -> Any:
            return module.Redis(connection_pool=module.ConnectionPool(connection_class=connection, **options))

        return self._redlet("pooled", is_async, settings, make)

    def _retrying(self, is_async: bool, settings: Options) -> Place:
        cls = redlet.asyncio.Redis if is_async else redlet.Redis
        retries: Any = Retry if not is_async else redis.asyncio.retry.Retry

        def make(**options: Any) -> Any:
            return cls(retry=retries(NoBackoff(), 0), **options)

        place = self._redlet("retrying", is_async, settings, make)
        assert place.client._direct is None
        return place

    def close(self) -> None:
        async def close_all() -> None:
            for place in self._kept.values():
                await now(place.client.close() if not hasattr(place.client, "aclose") else place.client.aclose())
                if place.name.startswith("pooled"):
                    await now(place.client.connection_pool.disconnect())

        self.run_in_loop(close_all())
        self._loop.close()
        self._admin.close()


#: The ways through redlet: the short one, redis-py's client over redlet's connection, and redlet's client that was asked for retries.
WAYS = ("fast", "pooled", "retrying")


@pytest.fixture(scope="module")
def places(real_server: str) -> Iterator[Places]:
    kept = Places(real_server)
    yield kept
    kept.close()


# The calls.

#: Methods whose first argument says how long they stay, where they go on from chance, or what all that follows is done to.
_NOT_DERIVED = frozenset({"blmpop", "bzmpop", "waitaof", "scan", "execute_command"})
_OF_OTHER_TYPES = (None, True, {"a": 1}, b"string", bytearray(b"string"), memoryview(b"string"), 1, 1.5, ("a", "b"), object)


#: Before version 8 redis-py refuses arrays of bytes, which redlet takes with all versions.
_TAKES_BYTEARRAYS = REDIS_PY >= (8,)


def calls_of(method: str) -> List[Call]:
    """All calls of a method that this version of redis-py can be asked for."""
    calls = CASES[method] + derived(method)
    return [call for call in calls if _TAKES_BYTEARRAYS or not any(isinstance(value, bytearray) for value in call.args)]


def derived(method: str) -> List[Call]:
    """Calls with a first argument of another type, with none, and with a keyword that nobody knows."""
    first = next((call for call in CASES[method] if call.method == method and call.args), None)
    if first is None or method in _NOT_DERIVED:
        return []
    calls = [dataclasses.replace(first, args=(value, *first.args[1:])) for value in _OF_OTHER_TYPES]
    calls.append(dataclasses.replace(first, args=(), keywords={}, look=method_cases.kind))
    calls.append(dataclasses.replace(first, keywords={**first.keywords, "nothing_such": 1}))
    return calls


def is_refused_at_once(end: Outcome) -> bool:
    """Whether a server refuses a command when it is queued, and all of its transaction then."""
    text = str(end[1])
    return end[0] == "raises" and ("wrong number of arguments" in text or "unknown " in text)


def skip_if_unknown(method: str) -> None:
    if not hasattr(redis.Redis, method):
        pytest.skip(f"redis-py {redis.__version__} has no {method}")


def report(found: List[str]) -> None:
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:8])


def test_every_mirrored_method_has_cases() -> None:
    assert not set(CASES) & STORIES
    for name in sorted(set(CASES) | STORIES):
        assert name in STORIES or any(call.method == name for call in CASES[name]), name
    assert set(stories()) == STORIES
    known = {name for name in dir(redis.Redis) if not name.startswith("_")}
    assert set(direct.HOT_METHODS) <= set(CASES)
    # What redis-py has and nobody looks at is listed, so that a new method is noticed.
    assert known - set(CASES) - STORIES <= method_cases.NOT_MIRRORED, sorted(known - set(CASES) - STORIES - method_cases.NOT_MIRRORED)


@pytest.mark.parametrize("method", sorted(CASES))
def test_a_method_answers_as_a_server_does(method: str, places: Places) -> None:
    skip_if_unknown(method)
    cases = calls_of(method)
    calls = [call for call in cases if not call.is_newer]
    found = []
    for settings, is_async in RUNS:
        expected = run_calls(places.get("server_", is_async, settings), calls)
        for way in WAYS if settings in SOME_SETTINGS else WAYS[:2]:
            place = places.get(way, is_async, settings)
            found += [f"{place.name}: {line}" for line in differences(calls, expected, run_calls(place, calls))]
        if len(calls) == len(cases):
            continue
        # What the server does not know, the ways have to agree about.
        expected = run_calls(places.get("pooled", is_async, settings), cases)
        for way in ("fast", "retrying"):
            place = places.get(way, is_async, settings)
            found += [f"{place.name}: {line}" for line in differences(cases, expected, run_calls(place, cases))]
    report(found)


@pytest.mark.parametrize("method", sorted(CASES))
def test_a_method_answers_in_pipelines_as_a_server_does(method: str, places: Places) -> None:
    skip_if_unknown(method)
    cases = [call for call in calls_of(method) if not call.is_alone]
    found = []
    for settings, is_async in itertools.product(SOME_SETTINGS, (False, True)):
        server = places.get("server_", is_async, settings)
        calls = [call for call in cases if not call.is_newer]
        # One command that is refused at once would hide what the others do.
        plain = run_calls(server, calls)
        fitting = [call for call, end in zip(calls, plain) if not is_refused_at_once(end)]
        groups = [(server, ("fast", "pooled"), fitting)]
        if len(calls) < len(cases):
            groups.append((places.get("pooled", is_async, settings), ("fast",), cases))
        for (model, ways, chosen), transaction in itertools.product(groups, (True, False)):
            expected = run_pipeline(model, chosen, transaction)
            for way in ways:
                place = places.get(way, is_async, settings)
                got = run_pipeline(place, chosen, transaction)
                title = f"{place.name}, {'transaction' if transaction else 'pipeline'}"
                if len(expected) != len(got):
                    found.append(f"{title}: {expected[-1]} was expected, and it is {got[-1]}")
                ends = [end for _, end in expected], [end for _, end in got]
                found += [f"{title}: {line}" for line in differences([call for call, _ in expected], *ends)]
    report(found)


@pytest.mark.parametrize("method", direct.HOT_METHODS)
def test_a_method_of_a_store_answers_as_the_clients_does(method: str, places: Places) -> None:
    skip_if_unknown(method)
    calls = calls_of(method)
    found, answered = [], 0
    for settings in SETTINGS:
        if "legacy_responses" in settings or not direct.knows_results(settings.get("protocol", 2)):
            continue
        expected = run_calls(places.get("pooled", False, settings), calls)
        place = places.get("fast", False, settings)
        store = place.client._direct
        place.prepare()
        got: List[Outcome] = []
        for call in calls:
            end = drive(outcome(call, store if call.method in direct.HOT_METHODS else place.client))
            if end[0] == "raises" and isinstance(end[1], (LongWay, TypeError)):
                # It takes plain arguments only, and has done nothing.
                end = drive(outcome(call, place.client))
            else:
                answered += call.method == method
            got.append(end)
        found += [f"{place.name}: {line}" for line in differences(calls, expected, got)]
    assert answered, "the store has answered nothing itself"
    report(found)


def test_a_command_that_is_refused_when_it_is_queued_ends_the_pipeline_as_with_a_server(places: Places) -> None:
    calls = [c.set("k", 1), c.execute_command("GET"), c.get("k"), c.execute_command("NOPE", "x"), c.incr("string")]
    found = []
    for settings, is_async, transaction, raises in itertools.product(SOME_SETTINGS, (False, True), (True, False), (True, False)):
        for chosen in (calls, calls[:1] + calls[2:3], calls[:1] + calls[4:], calls[4:] + calls[:1], [c.get("list"), c.set("after", 1)]):
            expected = run_pipeline(places.get("server_", is_async, settings), chosen, transaction, raises)
            after = run_calls_after(places.get("server_", is_async, settings))
            for way in WAYS:
                place = places.get(way, is_async, settings)
                got = run_pipeline(place, chosen, transaction, raises)
                ends = [end for _, end in expected], [end for _, end in got]
                found += [f"{place.name}: {line}" for line in differences([call for call, _ in expected], *ends)]
                if run_calls_after(place) != after:
                    found.append(f"{place.name}: the pipeline has done something else")
    report(found)


def run_calls_after(place: Place) -> Any:
    async def look() -> Any:
        return [await now(place.client.get("k")), await now(place.client.exists("after")), await now(place.client.ping())]

    return place.run(look())


def test_answers_that_nobody_has_read_are_not_the_next_ones(places: Places) -> None:
    for is_async, way in itertools.product((False, True), WAYS):
        place = places.get(way, is_async, {})
        ends = run_pipeline(place, [c.ping(), c.ping(nothing=1), c.get("string")], transaction=False)
        assert isinstance(ends[-1][1][1], TypeError), "the callback of PING takes no such keyword"
        assert place.run(outcome(c.get("int"), place.client)) == ("returns", b"10"), place.name


def test_a_monitor_tells_of_commands_that_come_from_nowhere(places: Places) -> None:
    async def watch(place: Place) -> Any:
        client = place.fresh()
        monitor = client.monitor()
        await now(monitor.__aenter__() if hasattr(monitor, "__aenter__") else monitor.__enter__())
        await now(place.client.set("k", "v w"))
        told: Any = {}
        while told.get("command") != "SET k v w":
            told = await now(monitor.next_command())
        await now(monitor.connection.disconnect())
        return told["db"], told["client_type"], told["command"]

    for is_async, way in itertools.product((False, True), WAYS):
        place = places.get(way, is_async, {})
        assert place.run(watch(place)) == (0, "unix", "SET k v w"), place.name


# Methods that are more than a command.

Say = Callable[..., None]


async def story_of_bitfield(place: Place, say: Say) -> None:
    client = place.client
    field = client.bitfield("none")
    say(await now(field.set("u8", "#0", 255).get("u8", "#0").execute()))
    say(await now(field.incrby("u8", 0, 1).incrby("u2", 100, 3, "SAT").overflow("FAIL").incrby("u8", 0, 255).execute()))
    say(await now(client.bitfield("none", default_overflow="SAT").incrby("u8", "#0", 300).execute()))
    say(await outcome(c.execute(), client.bitfield("none").get("i5", 2).get("u64", 0)))
    say(await outcome(c.execute(), client.bitfield("list").get("u8", 0)))


async def story_of_close(place: Place, say: Say) -> None:
    client = place.fresh()
    say(await now(client.set("k", "v")))
    say(await now(client.close()) if not hasattr(client, "aclose") else await client.aclose())
    say(await now(client.close()) if not hasattr(client, "aclose") else await client.aclose())


async def story_of_from_pool(place: Place, say: Say) -> None:
    from_pool = getattr(type(place.client), "from_pool", None)
    if from_pool is None:
        return
    client = from_pool(place.fresh().connection_pool)
    say(await now(client.get("string")), client.auto_close_connection_pool)
    say(await now(client.close()) if not hasattr(client, "aclose") else await client.aclose())


async def story_of_from_url(place: Place, say: Say) -> None:
    cls = type(place.client)
    if not place.url.startswith("redlet://") or isinstance(place.client, (redlet.Redis, redlet.asyncio.Redis)):
        client = cls.from_url(place.url + "?db=1&socket_timeout=5", decode_responses=True)
        say(await now(client.set("in one", "é")), await now(client.get("in one")))
        say(client.connection_pool.connection_kwargs["db"], client.connection_pool.connection_kwargs["socket_timeout"])
        say(await now(place.client.exists("in one")))
        say(await now(client.aclose() if hasattr(client, "aclose") else client.close()))


async def story_of_keyspace_notifications(place: Place, say: Say) -> None:
    client = place.client
    if not hasattr(client, "keyspace_notifications"):
        return
    say(await now(client.config_set("notify-keyspace-events", "KEA")))
    heard = client.keyspace_notifications(key_prefix="st")
    await now(heard.subscribe_keyspace("st*") if hasattr(heard, "subscribe_keyspace") else heard.psubscribe("__keyspace@0__:st*"))
    say(await now(client.set("string", "x")), await now(client.set("other one", "x")), await now(client.delete("stream")))
    messages: List[Any] = []
    for _ in range(50):
        message = await now(heard.get_message(timeout=0.1))
        if message is not None:
            messages.append(message)
        if len(messages) == 2:
            break
    for message in messages:
        say(type(message).__name__, message.key, message.event_type)
    await now(heard.aclose() if hasattr(heard, "aclose") else heard.close())
    say(await now(client.config_set("notify-keyspace-events", "")))


async def story_of_lock(place: Place, say: Say) -> None:
    client = place.client
    lock = client.lock("a lock", timeout=100, blocking=False)
    say(await now(lock.acquire()), await now(lock.locked()), await now(lock.owned()))
    other = client.lock("a lock", timeout=100, blocking_timeout=0.01, sleep=0.005)
    say(await now(other.acquire()), await now(other.owned()))
    say(await outcome(c.release(), other))
    say(await now(lock.extend(10)), await now(lock.reacquire()))
    say(await now(lock.release()), await now(lock.locked()))
    say(await outcome(c.release(), lock))
    say(await now(client.exists("a lock")))
    if isinstance(client, redis.Redis):
        with client.lock("a lock", timeout=5):
            say(client.exists("a lock"))
    else:
        async with client.lock("a lock", timeout=5):
            say(await client.exists("a lock"))
    say(await now(client.exists("a lock")))


async def story_of_pipeline(place: Place, say: Say) -> None:
    client = place.client
    pipeline = client.pipeline()
    say(len(pipeline), bool(pipeline), await now(pipeline.execute()))
    pipeline.set("k", 1).incr("k").get("k").hset("h", mapping={"a": 1}).hgetall("h").zadd("z", {"m": 1.5}).zrange("z", 0, -1, withscores=True)
    say(len(pipeline), await now(pipeline.execute()))
    say(await now(pipeline.watch("k")), await now(pipeline.get("k")))
    pipeline.multi()
    pipeline.set("k", 5)
    say(await now(client.set("k", "changed meanwhile")))
    say(await outcome(c.execute(), pipeline))
    say(await now(client.get("k")))
    say(await now(pipeline.watch("k")), await now(pipeline.unwatch()), await now(client.set("k", "again")))
    pipeline.get("k")
    say(await now(pipeline.execute()))
    say(await outcome(c.watch("k"), client.pipeline().get("k")))
    refused = client.pipeline()
    refused.get("list").set("k", "done all the same")
    say(await outcome(c.execute(), refused), await now(client.get("k")))
    loose = client.pipeline(transaction=False)
    loose.get("k").get("list").get("k")
    say(await now(loose.execute(raise_on_error=False)))
    loose.set("k", 0)
    say(await now(loose.reset()), len(loose))
    decided = client.pipeline(transaction=False)
    decided.multi()
    decided.set("k", 7).get("k")
    say(await now(decided.execute()))


async def story_of_pubsub(place: Place, say: Say) -> None:
    client = place.client
    heard: List[Any] = []
    pubsub = client.pubsub()

    async def take(count: int, in_order: bool = True) -> None:
        taken: List[Any] = []
        for _ in range(1000):
            message = await now(pubsub.get_message(timeout=1))
            if message is not None:
                taken.append(message)
            if len(taken) == count:
                break
        if not in_order:
            # Their number counts down, whichever comes first.
            taken = [{**message, "channel": None} for message in sorted(taken, key=lambda message: -message["data"])]
        say(*taken)

    await now(pubsub.subscribe("one", "two"))
    await take(2)
    await now(pubsub.psubscribe("o*", **{"p*": heard.append}))
    await take(2)
    say(await now(client.publish("one", "hello")), await now(client.publish("parrot", b"\x01")))
    await take(2)
    say(pubsub.subscribed, len(heard), heard and heard[0]["data"])
    say(await now(client.pubsub_numpat()), await now(client.pubsub_numsub("one", "three")), sorted(await now(client.pubsub_channels()), key=repr))
    await now(pubsub.ping("still there"))
    await take(1)
    await now(pubsub.unsubscribe("one"))
    await take(1)
    await now(pubsub.punsubscribe())
    await take(2, in_order=False)
    say(pubsub.subscribed)
    await now(pubsub.unsubscribe())
    await take(1)
    say(pubsub.subscribed)
    await now(pubsub.aclose() if hasattr(pubsub, "aclose") else pubsub.close())
    quiet = client.pubsub(ignore_subscribe_messages=True)
    await now(quiet.subscribe("one"))
    say(await now(quiet.get_message(timeout=0.01)))
    say(await now(client.publish("one", 1)))
    for _ in range(100):
        message = await now(quiet.get_message(timeout=1))
        if message is not None:
            say(message)
            break
    await now(quiet.aclose() if hasattr(quiet, "aclose") else quiet.close())


async def story_of_register_script(place: Place, say: Say) -> None:
    client = place.client
    script = client.register_script("return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[1]}")
    say(script.sha, await now(script(keys=["int"], args=[5])), await now(script(keys=["int"], args=[5])))
    say(await now(client.script_flush()), await now(script(["int"], [1], client=place.client)))
    say(await outcome(Call("__call__", (["list"], [1])), script))
    pipeline = client.pipeline()
    await now(client.script_flush())
    pipeline.get("int")
    await now(script(["int"], [2], client=pipeline))
    say(await now(pipeline.execute()))


async def story_of_select(place: Place, say: Say) -> None:
    # What is selected holds for the commands that follow, also for those that would need no connection.
    client = place.fresh()
    say(await now(client.select(1)), await now(client.set("in one", 1)), await now(client.dbsize()), await now(client.get("string")))
    say(await now(client.pipeline().set("in one too", 1).execute()), await now(client.dbsize()))
    say(await outcome(c.select(99), client), await outcome(c.select("x"), client), await outcome(c.select(), client))
    say(await now(client.flushdb()), await now(client.select(0)), await now(client.get("string")))
    await now(client.aclose() if hasattr(client, "aclose") else client.close())


async def story_of_transaction(place: Place, say: Say) -> None:
    client = place.client
    tries: List[int] = []

    async def add_async(pipeline: Any) -> Any:
        value = int(await pipeline.get("int"))
        tries.append(value)
        if len(tries) == 1:
            await client.set("int", 100)
        pipeline.multi()
        pipeline.set("int", value + 1)
        return value

    def add(pipeline: Any) -> Any:
        value = int(pipeline.get("int"))
        tries.append(value)
        if len(tries) == 1:
            client.set("int", 100)
        pipeline.multi()
        pipeline.set("int", value + 1)
        return value

    function = add if isinstance(client, redis.Redis) else add_async
    say(await now(client.transaction(function, "int")), tries)
    say(await now(client.transaction(function, "int", value_from_callable=True)), await now(client.get("int")))


def stories() -> Dict[str, Callable[[Place, Say], Awaitable[None]]]:
    beginning = "story_of_"
    return {name[len(beginning) :]: story for name, story in globals().items() if name.startswith(beginning)}


def told(story: Callable[[Place, Say], Awaitable[None]], place: Place) -> List[Any]:
    said: List[Any] = []
    place.prepare()
    place.run(story(place, lambda *values: said.append(shape(values))))
    return said


@pytest.mark.parametrize("method", sorted(STORIES))
def test_the_story_of_a_method_goes_as_with_a_server(method: str, places: Places) -> None:
    story = stories()[method]
    for settings, is_async in RUNS:
        expected = told(story, places.get("server_", is_async, settings))
        for way in WAYS:
            place = places.get(way, is_async, settings)
            if method == "from_url" and way == "pooled":
                continue
            for number, (wanted, had) in enumerate(itertools.zip_longest(expected, told(story, place))):
                assert had == wanted, f"{place.name}, number {number} that is said"


def test_a_store_on_disk_is_saved_as_a_server_is(tmp_path: Any) -> None:
    for number, call in enumerate((c.save(), c.bgsave(), c.bgsave(schedule=False), c.bgrewriteaof())):
        for options in ({}, {"retry": Retry(NoBackoff(), 0)}):
            with redlet.Redis(tmp_path / f"{number}{len(options)}", **options) as client:
                client.set("k", "v")
                assert drive(outcome(call, client)) == ("returns", True), call
