"""Processes that are forked, and processes that are started anew: what is in memory is refused to a child by a clear error, what is on disk
it shares with its parent, and neither harms the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import end, run, start

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

#: What the programs below begin with. Whoever hangs is ended by an alarm, which the tests see.
BEGINNING = """
import gc, os, signal, sys, threading, time
signal.alarm(40)
import redlet
from redlet import ForkedError, Redis, Store

def in_child(act, ends=os._exit):
    "Runs something in a forked child. Returns how that ended."
    sys.stdout.flush()
    number = os.fork()
    if number == 0:
        signal.alarm(20)
        code = 1
        try:
            act()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        ends(code)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])

def refused(use, error=ForkedError):
    try:
        found = use()
    except error as caught:
        return str(caught)
    raise AssertionError(f"{found!r} in the place of an error")
"""

if sys.version_info < (3, 9):  # pragma: no cover
    pytest.skip("os.waitstatus_to_exitcode is of Python 3.9", allow_module_level=True)


def program(text: str, *arguments: object) -> str:
    """The output of a program after that beginning. Python 3.12 and later warn of a fork while there are threads; a store on disk has some."""
    lines = text.strip("\n").splitlines()
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    body = "\n".join(line[margin:] for line in lines)
    return run("import warnings; warnings.simplefilter('ignore')\n" + BEGINNING + "\n" + body, *arguments)


@pytest.mark.parametrize("make", ["Redis()", "Redis.from_url('redlet://shared')", "Redis(db=1, protocol=2, decode_responses=True)"])
def test_memory_is_refused_to_a_child_however_it_asks_and_stays_whole(make: str) -> None:
    output = program(
        f"""
        client = {make}
        client.set("key", "of the parent")
        of_parent = client.get("key")
        pipeline, subscription, lock = client.pipeline(), client.pubsub(), client.lock("lock")
        subscription.subscribe("channel")
        lock.acquire()
        connection = client.connection_pool.get_connection()
        store = Store()
        store.set("key", "in a store")

        def child():
            sentences = [refused(use) for use in (
                lambda: client.get("key"),
                lambda: client.set("key", "of the child"),
                lambda: client.execute_command("GET", "key"),
                lambda: client.blpop("list", 1),
                lambda: pipeline.get("key").execute(),
                lambda: client.pipeline().set("key", 1).execute(),
                lambda: client.pubsub().subscribe("channel"),
                lambda: subscription.get_message(timeout=1),
                lambda: lock.release(),
                lambda: connection.send_command("PING"),
                lambda: client.socket_file,
                lambda: store.get("key"),
                lambda: store.set("key", 1),
                lambda: store.select(1),
            )]
            assert all("fork" in sentence for sentence in sentences), sentences
            assert "path" in sentences[0]
            repr(store), repr(connection), repr(client.connection_pool)
            assert "of another process" in repr(client), repr(client)
            client.close(), store.close(), subscription.close()
            own = Redis()
            assert own.set("key", "of the child") is True and own.get("key") == b"of the child"
            assert own.blpop("list", 0.01) is None

        assert in_child(child) == 0
        print(client.get("key") == of_parent, store.get("key"), lock.owned(), client.dbsize())
        assert client.publish("channel", "after") == 1
        print(client.blpop("list", 0.01))
        """
    )
    assert output == "True b'in a store' True 2\nNone\n"


def test_a_store_on_disk_is_shared_with_a_child_by_itself(tmp_path: Path) -> None:
    output = program(
        """
        client = Redis(sys.argv[1], decode_responses=True)
        client.set("of", "parent")
        early = client.connection_pool.get_connection()
        client.connection_pool.release(early)
        pipeline, lock = client.pipeline(), client.lock("lock")

        def child():
            assert client.get("of") == "parent"
            assert "served by another process" in repr(client), repr(client)
            assert client.set("of", "child") is True
            assert client.execute_command("GET", "of") == "child"
            assert pipeline.incr("count").incr("count").execute() == [1, 2]
            assert client.pipeline().watch("count") is True
            client.rpush("to parent", "a")
            assert tuple(client.blpop("to child", 10)) == ("to child", "b")
            with lock:
                assert lock.owned()
            assert Redis(sys.argv[1]).get("of") == b"child"
            client.close()
            assert client.get("of") == "child"

        def beside():
            client.blpop("to parent", 10)
            client.rpush("to child", "b")

        helper = threading.Thread(target=beside)
        helper.start()
        assert in_child(child) == 0
        helper.join()
        print(client.get("of"), client.get("count"), client.exists("lock"), repr(client).startswith("<redlet.Redis " + sys.argv[1]))
        """,
        tmp_path / "store",
    )
    assert output == "child 2 0 True\n"


def test_memory_whose_socket_was_asked_for_before_is_reached_through_it() -> None:
    output = program(
        """
        client = Redis()
        client.socket_file
        client.set("key", "of the parent")

        def child():
            assert client.get("key") == b"of the parent"
            client.set("key", "of the child")

        assert in_child(child) == 0
        print(client.get("key"))
        """
    )
    assert output == "b'of the child'\n"


def test_a_child_waits_for_as_long_as_it_is_told(tmp_path: Path) -> None:
    output = program(
        """
        client = Redis(sys.argv[1])

        def child():
            connection = client.connection_pool.get_connection()
            # redis-py has 5 seconds here, which end a longer BLPOP with an error.
            assert connection.socket_timeout is None and connection._sock.gettimeout() is None
            client.connection_pool.release(connection)
            assert client.blpop("nothing", 0.01) is None
            print(client.blpop("list", 0)[1], flush=True)

        def beside():
            while not [one for one in client.client_list() if one["cmd"] == "blpop"]:
                time.sleep(0.01)
            client.rpush("list", "late")

        threading.Thread(target=beside).start()
        print(in_child(child))
        """,
        tmp_path / "store",
    )
    assert output == "b'late'\n0\n"


def test_children_of_children_share_a_store_too(tmp_path: Path) -> None:
    output = program(
        """
        client = Redis(sys.argv[1])

        def descend(depth):
            client.rpush("depths", depth)
            if depth < 4:
                assert in_child(lambda: descend(depth + 1)) == 0
            client.rpush("depths", -depth)

        descend(0)
        print(*map(int, client.lrange("depths", 0, -1)))
        memory = Redis()
        print(in_child(lambda: in_child(lambda: refused(lambda: memory.get("key"))) and 1 / 0))
        """,
        tmp_path / "store",
    )
    assert output == "0 1 2 3 4 -4 -3 -2 -1 0\n0\n"


def test_a_child_goes_on_when_its_parent_has_ended(tmp_path: Path) -> None:
    output = program(
        """
        client = Redis(sys.argv[1])
        client.set("key", "of the parent")
        end, begin = os.pipe()
        if os.fork() == 0:
            os.close(begin)
            assert client.get("key") == b"of the parent"
            client.incr("count")
            os.read(end, 1)
            for _ in range(100):
                try:
                    client.incr("count")
                    break
                except redlet.ConnectionError:
                    # What it had sent when its parent ended may be done or not.
                    time.sleep(0.01)
            for _ in range(9):
                client.incr("count")
            print(client.get("key"), client.get("count"), flush=True)
            sys.exit()
        os.close(end)
        while client.get("count") is None:
            time.sleep(0.001)
        sys.exit()
        """,
        tmp_path / "store",
    )
    assert output == "b'of the parent' b'11'\n"
    assert "11" in run("import sys, redlet; print(redlet.Redis(sys.argv[1]).get('count'))", tmp_path / "store")


def test_forks_while_other_threads_use_the_stores_do_not_hang(tmp_path: Path) -> None:
    output = program(
        """
        sys.setswitchinterval(1e-4)
        client, memory = Redis(sys.argv[1]), Redis()
        is_over = threading.Event()

        def use():
            while not is_over.is_set():
                client.incr("count")
                memory.pipeline().incr("count").lpush("list", 1).ltrim("list", 0, 10).execute()
                memory.client_id()
                Redis().set("key", 1)

        threads = [threading.Thread(target=use) for _ in range(5)]
        [thread.start() for thread in threads]

        def child():
            client.incr("children")
            own = Redis()
            own.set("key", 1)
            own.blpop("empty", 0.001)
            refused(lambda: memory.get("count"))

        codes = [in_child(child) for _ in range(25)]
        is_over.set()
        [thread.join() for thread in threads]
        print(set(codes), client.get("children"), client.get("count") == memory.get("count"))
        """,
        tmp_path / "store",
    )
    assert output == "{0} b'25' True\n"


@pytest.mark.parametrize("how", ["os._exit", "sys.exit"])
def test_garbage_and_the_end_of_a_child_leave_the_store_to_its_parent(tmp_path: Path, how: str) -> None:
    output = program(
        f"""
        clients = [Redis(sys.argv[1], appendfsync="always"), Redis(), Redis.from_url("redlet://name"), Store()]
        for client in clients:
            client.set("key", "value")
        clients[0].pubsub().subscribe("channel")
        cycle = [clients[0].pipeline(), clients[1].pubsub()]
        cycle.append(cycle)

        def child():
            global clients, cycle
            for client in clients:
                client.close()
            del client, clients, cycle
            gc.collect()

        begun = time.monotonic()
        assert in_child(child, {how}) == 0
        assert time.monotonic() - begun < 10
        clients[0].set("after", 1)
        print([client.get("key") for client in clients] == [b"value"] * 4, clients[0].dbsize())
        """,
        tmp_path / "store",
    )
    assert output == "True 2\n"
    assert run("import sys, redlet; print(redlet.Redis(sys.argv[1]).mget('key', 'after'))", tmp_path / "store") == "[b'value', b'1']\n"


def test_a_child_does_not_keep_the_store_locked_when_its_parent_has_ended(tmp_path: Path) -> None:
    parent = start(
        BEGINNING
        + """
client = Redis(sys.argv[1], appendfsync="always")
client.set("key", 1)
if os.fork() == 0:
    signal.alarm(20)
    os.write(1, b"child\\n")
    sys.stdin.readline()
    os._exit(0)
os._exit(0)
""",
        tmp_path / "store",
    )
    assert parent.stdout is not None and parent.stdout.readline() == "child\n"
    assert parent.wait(20) == 0
    assert run("import sys, redlet; print(redlet.Redis(sys.argv[1]).get('key'))", tmp_path / "store") == "b'1'\n"
    end(parent)


def test_asyncio_clients_know_forks_too(tmp_path: Path) -> None:
    output = program(
        """
        import asyncio
        import redlet.asyncio
        disk, memory = redlet.asyncio.Redis(sys.argv[1]), redlet.asyncio.Redis()

        async def parent():
            await disk.set("key", "of the parent")
            await memory.set("key", "of the parent")
            await disk.client_id()
            await memory.client_id()

        async def child():
            assert await disk.get("key") == b"of the parent"
            await disk.client_id()
            await disk.set("key", "of the child")
            for use in (lambda: memory.get("key"), lambda: memory.client_id(), lambda: memory.pipeline().get("key").execute()):
                try:
                    await use()
                except ForkedError:
                    continue
                raise AssertionError
            await disk.aclose()

        asyncio.run(parent())
        print(in_child(lambda: asyncio.run(child())))
        print(asyncio.run(disk.get("key")), asyncio.run(memory.get("key")))
        """,
        tmp_path / "store",
    )
    assert output == "0\nb'of the child' b'of the parent'\n"


MULTIPROCESSING = """
import multiprocessing, sys, warnings
warnings.simplefilter("ignore")
import redlet

client = None

def work(number):
    global client
    client = client or redlet.Redis(sys.argv[1])
    client.rpush("done", number)
    return client.incr("count")

def connect(client, pool_class, connection_class, keywords):
    import redis
    client.incr("by pickle")
    client = redis.Redis(connection_pool=pool_class(connection_class=connection_class, **keywords))
    client.incr("by pickle")
    return client.get("of")

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    client = redlet.Redis(sys.argv[1])
    client.set("of", "parent")
    client.socket_file
    with context.Pool(3) as pool:
        counts = pool.map(work, range(20), chunksize=1)
        # As workers take a client apart that they send to other processes.
        of = client.connection_pool
        keywords = {name: value for name, value in of.connection_kwargs.items() if name != "himport_registry"}
        print(sorted(counts) == list(range(1, 21)), pool.apply(connect, [client, type(of), of.connection_class, keywords]))
    process = context.Process(target=work, args=(20,))
    process.start()
    process.join()
    print(process.exitcode, client.get("count"), sorted(map(int, client.lrange("done", 0, -1))) == list(range(21)), client.get("by pickle"))
"""


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_multiprocessing_shares_a_store_on_disk(tmp_path: Path, how: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(MULTIPROCESSING)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "store"), how], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "True b'parent'\n0 b'21' True b'2'\n"


def test_a_program_that_is_started_by_one_with_a_store_is_served_by_it(tmp_path: Path) -> None:
    output = program(
        """
        import subprocess
        client = Redis(sys.argv[1])
        client.set("key", "of the parent")
        inner = [sys.executable, "-c", "import sys, redlet; client = redlet.Redis(sys.argv[1]); print(client.getset('key', 'of the program'))"]
        refused = subprocess.run([*inner, sys.argv[1]], capture_output=True, text=True)
        print(refused.returncode, "StoreInUse" in refused.stderr and "socket_file" in refused.stderr)
        client.socket_file
        served = subprocess.run([*inner, sys.argv[1]], capture_output=True, text=True)
        print(served.returncode, served.stdout.strip(), client.get("key"))
        """,
        tmp_path / "store",
    )
    assert output == "1 True\n0 b'of the parent' b'of the program'\n"


def test_a_client_of_memory_that_is_sent_to_another_process_is_refused_there(tmp_path: Path) -> None:
    for make in ("Redis()", "Redis.from_url('redlet://sent')", "Store()", "Store(name='sent')"):
        output = program(
            """
            import pickle, subprocess
            client = MAKE
            client.set("key", 1)
            # In the other process too something has that number, and that name.
            inner = "import pickle, sys, redlet; a, b = redlet.Store(), redlet.Store(name='sent'); pickle.load(sys.stdin.buffer).get('key')"
            done = subprocess.run([sys.executable, "-c", inner], input=pickle.dumps(client), capture_output=True)
            print(done.returncode, b"ForkedError" in done.stderr, pickle.loads(pickle.dumps(client)).get("key"))
            """.replace("MAKE", make)
        )
        assert output == "1 True b'1'\n", make
