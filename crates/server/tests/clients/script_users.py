"""Libraries that send Lua, against a server: its address and port are the arguments, then the names of those to run, or none for all."""
import sys
import threading
import time

import redis

HOST, PORT = sys.argv[1], int(sys.argv[2])
URL = f"redis://{HOST}:{PORT}/0"


def connect(**options):
    return redis.Redis(host=HOST, port=PORT, **options)


def redis_py_scripts():
    client = connect()
    multiply = client.register_script("return redis.call('GET', KEYS[1]) * ARGV[1]")
    client.set("n", 2)
    client.script_flush()
    assert multiply(keys=["n"], args=[5]) == 10
    assert client.script_exists(multiply.sha) == [True]
    assert client.evalsha(multiply.sha, 1, "n", 7) == 14
    with client.pipeline() as pipe:
        pipe.set("n", 4)
        multiply(keys=["n"], args=[5], client=pipe)
        pipe.eval("return {1, 'two', false, {3}}", 0)
        assert pipe.execute() == [True, 20, [1, b"two", None, [3]]]
    client.script_flush()
    with client.pipeline() as pipe:
        multiply(keys=["n"], args=[3], client=pipe)
        assert pipe.execute() == [12]
    client.script_flush()
    try:
        client.evalsha(multiply.sha, 1, "n", 1)
    except redis.exceptions.NoScriptError:
        pass
    else:
        raise AssertionError("a script that nobody knows")
    assert client.eval_ro("return redis.call('GET', KEYS[1])", 1, "n") == b"4"
    try:
        client.eval("return redis.call('LPUSH', KEYS[1], 1)", 1, "n")
    except redis.ResponseError as error:
        assert "WRONGTYPE" in str(error) and "user_script:1" in str(error), error
    else:
        raise AssertionError("LPUSH to a string")
    assert client.function_load("#!lua name=lib\nredis.register_function('add', function(k, a) return a[1] + a[2] end)") == b"lib"
    assert client.fcall("add", 0, 2, 3) == 5
    assert len(client.function_list()) == 1
    dump = client.function_dump()
    client.function_flush()
    assert client.function_restore(dump)
    assert client.fcall("ADD", 0, 2, 3) == 5
    assert client.function_delete("lib")


def redis_py_lock():
    client = connect()
    lock = client.lock("lock", timeout=10)
    assert lock.acquire(blocking=False)
    assert not client.lock("lock", timeout=10).acquire(blocking=False)
    assert lock.extend(10) and client.pttl("lock") > 10_000
    assert lock.reacquire() and client.pttl("lock") <= 10_000
    assert lock.owned()
    lock.release()
    assert client.get("lock") is None
    with client.lock("lock", timeout=10, blocking_timeout=5):
        assert client.get("lock") is not None
    stolen = client.lock("lock", timeout=10)
    assert stolen.acquire(token="mine")
    client.set("lock", "another's")
    for attempt in (stolen.reacquire, lambda: stolen.extend(5), stolen.release):
        try:
            attempt()
        except redis.exceptions.LockNotOwnedError:
            pass
        else:
            raise AssertionError("a lock that is somebody else's")
    assert client.get("lock") == b"another's"


def counted_by_threads(acquire):
    """Four threads that count to a hundred, one at a time."""
    client = connect()
    client.set("count", 0)

    def work():
        own = connect()
        for _ in range(25):
            with acquire(own):
                value = int(own.get("count"))
                own.set("count", value + 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert int(client.get("count")) == 100


def redis_py_locks_of_threads():
    counted_by_threads(lambda own: own.lock("counting", timeout=20, sleep=0.001))


def python_redis_lock():
    import redis_lock

    client = redis.StrictRedis(host=HOST, port=PORT)
    lock = redis_lock.Lock(client, "job", expire=10)
    assert lock.acquire(blocking=False)
    assert not redis_lock.Lock(client, "job", expire=10).acquire(blocking=False)
    assert lock.locked()
    lock.extend(20)
    assert client.ttl("lock:job") > 10
    lock.release()
    try:
        lock.release()
    except redis_lock.NotAcquired:
        pass
    else:
        raise AssertionError("released twice")
    assert redis_lock.Lock(client, "job", expire=10).acquire()
    redis_lock.Lock(client, "job").reset()
    assert redis_lock.Lock(client, "job", expire=10).acquire(blocking=False)
    redis_lock.reset_all(client)
    with redis_lock.Lock(client, "job", expire=1, auto_renewal=True):
        time.sleep(1.2)
        assert client.exists("lock:job")
    counted_by_threads(lambda own: redis_lock.Lock(own, "counting", expire=20))


def pottery_redlock():
    from pottery import NextID, RedisCounter, RedisDict, Redlock

    client = connect()
    lock = Redlock(key="printer", masters={client}, auto_release_time=5)
    assert lock.acquire(blocking=False)
    assert lock.locked() > 0
    assert not Redlock(key="printer", masters={client}, auto_release_time=5).acquire(blocking=False)
    lock.extend()
    lock.release()
    assert lock.locked() == 0
    with Redlock(key="printer", masters={client}, auto_release_time=5):
        pass
    identifiers = NextID(key="tweet-ids", masters={client})
    assert [next(identifiers) for _ in range(3)] == [1, 2, 3]
    identifiers.reset()
    assert next(identifiers) == 1
    assert RedisDict({"a": 1}, redis=client, key="dict")["a"] == 1
    assert RedisCounter("abca", redis=client, key="counter")["a"] == 2


def rq_queues():
    from datetime import timedelta

    from rq import Queue, SimpleWorker
    from rq.job import Job
    from rq.rate_limit import RateLimit
    from rq.scheduler import RQScheduler

    client = connect()
    queue = Queue("default", connection=client)
    jobs = [queue.enqueue("operator.add", number, 1) for number in range(5)]
    later = queue.enqueue("operator.mul", 6, 7, depends_on=jobs)
    unique = queue.enqueue("operator.add", 1, 1, job_id="once", unique=True)
    try:
        queue.enqueue("operator.add", 1, 1, job_id="once", unique=True)
    except Exception as error:
        assert type(error).__name__ == "DuplicateJobError", error
    else:
        raise AssertionError("the same job twice")
    limited = [queue.enqueue("operator.add", number, 0, rate_limit=RateLimit("few", 2)) for number in range(5)]
    failing = queue.enqueue("operator.truediv", 1, 0)
    worker = SimpleWorker([queue], connection=client)
    worker.work(burst=True, logging_level="CRITICAL", with_scheduler=False)
    assert [Job.fetch(one.id, connection=client).return_value() for one in jobs] == [1, 2, 3, 4, 5]
    assert Job.fetch(later.id, connection=client).return_value() == 42
    assert Job.fetch(unique.id, connection=client).return_value() == 2
    assert [Job.fetch(one.id, connection=client).return_value() for one in limited] == [0, 1, 2, 3, 4]
    assert Job.fetch(failing.id, connection=client).is_failed
    queue.enqueue_in(timedelta(seconds=0), "operator.add", 20, 3, job_id="later", unique=True)
    scheduler = RQScheduler([queue], connection=client)
    scheduler.acquire_locks()
    scheduler.enqueue_scheduled_jobs()
    scheduler.release_locks()
    worker.work(burst=True, logging_level="CRITICAL", with_scheduler=False)
    assert Job.fetch("later", connection=client).return_value() == 23
    queue.empty()
    queue.delete()


def kombu_transport():
    from kombu import Connection, Exchange, Queue

    exchange = Exchange("media", "direct")
    queue = Queue("video", exchange, routing_key="video", expires=60)
    received = []

    def take(body, message):
        received.append(body)
        message.ack()

    with Connection(URL) as connection:
        with connection.Producer() as producer:
            for number in range(5):
                producer.publish({"n": number}, exchange=exchange, routing_key="video", declare=[queue], priority=number)
        with connection.Consumer(queue, callbacks=[take]):
            while len(received) < 5:
                connection.drain_events(timeout=10)
        channel = connection.channel()
        if hasattr(channel, "sweep_bindings"):
            channel.sweep_bindings()
        simple = connection.SimpleQueue("simple")
        simple.put("hello")
        message = simple.get(timeout=5)
        assert message.payload == "hello"
        message.reject(requeue=True)
        message = simple.get(timeout=5)
        message.ack()
        simple.close()
    assert sorted(one["n"] for one in received) == [0, 1, 2, 3, 4]


def celery_tasks():
    from celery import Celery, chain, chord, group
    from celery.contrib.testing.worker import start_worker

    app = Celery("tasks", broker=URL, backend=URL)
    app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)

    @app.task
    def add(a, b):
        return a + b

    @app.task
    def total(numbers):
        return sum(numbers)

    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, loglevel="CRITICAL"):
        assert add.delay(2, 3).get(timeout=30) == 5
        assert group(add.s(n, n) for n in range(4))().get(timeout=30) == [0, 2, 4, 6]
        assert chord((add.s(n, 1) for n in range(5)), total.s())().get(timeout=30) == 15
        assert chain(add.s(1, 2), add.s(4))().get(timeout=30) == 7


def django_redis_cache():
    import django
    from django.conf import settings

    settings.configure(CACHES={"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": URL}})
    django.setup()
    from django.core.cache import cache

    cache.set("n", 5)
    assert cache.get("n") == 5
    assert cache.incr("n") == 6
    assert cache.incr("n", 4) == 10
    assert cache.decr("n", 3) == 7
    try:
        cache.incr("missing")
    except ValueError:
        pass
    else:
        raise AssertionError("incr of a missing key")
    cache.set("timed", 1, timeout=100)
    assert cache.incr("timed") == 2 and 0 < cache.ttl("timed") <= 100
    assert cache.set("n", 1, nx=True) is False
    cache.set_many({f"many:{n}": n for n in range(50)})
    assert cache.get_many([f"many:{n}" for n in range(3)]) == {f"many:{n}": n for n in range(3)}
    assert cache.delete_pattern("many:*") == 50
    assert list(cache.iter_keys("many:*")) == []
    with cache.lock("guard", timeout=5):
        assert cache.get("n") == 7
    assert cache.touch("n", 50)
    cache.clear()


def limits_storage():
    from limits import RateLimitItemPerMinute, storage, strategies

    store = storage.storage_from_string(URL)
    assert store.check()
    names = ["FixedWindowRateLimiter", "MovingWindowRateLimiter", "SlidingWindowCounterRateLimiter"]
    for name in names:
        limiter = getattr(strategies, name)(store)
        limit = RateLimitItemPerMinute(3)
        assert [limiter.hit(limit, name) for _ in range(4)] == [True, True, True, False], name
        assert not limiter.test(limit, name)
        assert limiter.get_window_stats(limit, name).remaining == 0
        limiter.clear(limit, name)
        assert limiter.hit(limit, name, cost=2)
        assert limiter.get_window_stats(limit, name).remaining == 1
    assert store.reset() >= 0


def huey_tasks():
    from huey import PriorityRedisHuey, RedisHuey
    from huey.contrib.helpers import RedisSemaphore

    for kind in (RedisHuey, PriorityRedisHuey):
        huey = kind("app", host=HOST, port=PORT)
        huey.flush()

        @huey.task()
        def add(a, b):
            return a + b

        results = [add(n, n) for n in range(3)]
        add.schedule((1, 2), delay=0)
        while (task := huey.dequeue()) is not None:
            huey.execute(task)
        assert [one.get() for one in results] == [0, 2, 4]
        add.schedule((3, 4), delay=1)
        huey.execute(huey.dequeue())
        assert huey.scheduled_count() == 1 and huey.read_schedule() == []
        time.sleep(1.1)
        assert len(huey.read_schedule()) == 1 and huey.scheduled_count() == 0
        with huey.lock_task("once"):
            pass
        semaphore = RedisSemaphore(huey, "few", 2)
        names = [semaphore.acquire(name) for name in ("a", "b", "c")]
        assert names == ["a", "b", None], names
        assert semaphore.renew("a") and not semaphore.renew("nobody")
        semaphore.release("a")
        assert semaphore.acquire("c") == "c"
        for name in ("b", "c"):
            semaphore.release(name)
        huey.flush()


def dramatiq_actors():
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.rate_limits import BucketRateLimiter, ConcurrentRateLimiter
    from dramatiq.rate_limits.backends import RedisBackend

    broker = RedisBroker(host=HOST, port=PORT)
    dramatiq.set_broker(broker)
    done = []

    @dramatiq.actor(max_retries=2, min_backoff=10, max_backoff=20)
    def remember(number):
        if number == 3 and done.count(3) < 1:
            done.append(number)
            raise ValueError("once more")
        done.append(number)

    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=2)
    worker.start()
    try:
        for number in range(5):
            remember.send(number)
        remember.send_with_options(args=(9,), delay=100)
        broker.join(remember.queue_name, timeout=30_000)
        end = time.monotonic() + 20
        while 9 not in done and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        worker.stop()
    assert sorted(done) == [0, 1, 2, 3, 3, 4, 9], done
    broker.flush_all()
    backend = RedisBackend(url=URL)
    with ConcurrentRateLimiter(backend, "few", limit=1).acquire():
        with ConcurrentRateLimiter(backend, "few", limit=1).acquire(raise_on_failure=False) as acquired:
            assert not acquired
    with BucketRateLimiter(backend, "bucket", limit=1, bucket=60_000).acquire(raise_on_failure=False) as acquired:
        assert acquired
    broker.close()


ALL = [
    redis_py_scripts,
    redis_py_lock,
    redis_py_locks_of_threads,
    python_redis_lock,
    pottery_redlock,
    rq_queues,
    kombu_transport,
    celery_tasks,
    django_redis_cache,
    limits_storage,
    huey_tasks,
    dramatiq_actors,
]


if __name__ == "__main__":
    names = sys.argv[3:]
    for task in ALL:
        if names and task.__name__ not in names:
            continue
        connect().flushall()
        begun = time.monotonic()
        task()
        print(f"{task.__name__}: {time.monotonic() - begun:.1f} s", flush=True)
