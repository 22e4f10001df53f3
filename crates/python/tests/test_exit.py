"""The end of a program: whatever waits and whatever is open, it ends at once and well, and what was acknowledged is on disk."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from programs import end, run, start

BEGINNING = """
import asyncio, atexit, gc, os, sys, threading, time
import redlet, redlet.asyncio
from redlet import Redis, Store

def in_background(act):
    threading.Thread(target=act, daemon=True).start()

def until_waiting(client, count=1):
    while client.info("clients")["blocked_clients"] < count:
        time.sleep(0.001)

path = sys.argv[1]
"""

#: From the last statement of a program to its end, on a machine that has other things to do. Nobody waits for a blocking command.
QUICK = 5

ENDINGS = {
    "daemon threads that wait": """
        client, memory = Redis(path), Redis()
        in_background(lambda: client.blpop("list", 0))
        in_background(lambda: memory.blpop("list", 0))
        in_background(lambda: memory.xread({"stream": "$"}, block=0))
        in_background(lambda: next(memory.pubsub().listen(), None))
        until_waiting(client, 1), until_waiting(memory, 2)
        client.set("key", 1)
    """,
    "daemon threads that are busy": """
        client, memory = Redis(path), Redis()
        def work():
            while True:
                client.incr("count")
                memory.pipeline().incr("count").lpush("list", 1).ltrim("list", 0, 9).execute()
                memory.blpop("empty", 0.001)
                memory.execute_command("ECHO", "a")
        for _ in range(4):
            in_background(work)
        while not client.get("count"):
            time.sleep(0.001)
        client.set("key", 1)
    """,
    "threads of subscriptions": """
        client = Redis(path)
        subscription = client.pubsub()
        subscription.subscribe(channel=lambda message: heard.append(message))
        heard = []
        subscription.run_in_thread(sleep_time=None, daemon=True)
        client.publish("channel", "a")
        while not heard:
            time.sleep(0.001)
        client.set("key", 1)
    """,
    "tasks that wait": """
        async def main():
            client = redlet.asyncio.Redis(path)
            tasks = [asyncio.ensure_future(client.blpop("list", 0)) for _ in range(3)]
            while (await client.info("clients"))["blocked_clients"] < 3:
                await asyncio.sleep(0.001)
            await client.set("key", 1)
        asyncio.run(main())
    """,
    "stores that nobody has closed, in cycles and in modules": """
        client = Redis(path)
        client.set("key", 1)
        clients = [client, Redis(), Redis.from_url("redlet://name"), Store(), client.pipeline(), client.pubsub(), client.lock("lock")]
        clients.append(clients)
        gc.disable()
        sys.modules["kept"] = clients
    """,
    "writes in atexit and in __del__": """
        client = Redis(path)
        class Late:
            def __del__(self):
                client.set("latest", 1)
        late = Late()
        atexit.register(client.set, "key", 1)
    """,
    "a socket for others": """
        client = Redis(path)
        client.socket_file
        other = Redis(unix_socket_path=client.socket_file)
        other.set("key", 1)
        in_background(lambda: other.blpop("list", 0))
        until_waiting(client)
    """,
    "clients that were closed": """
        with Redis(path) as client:
            client.set("key", 1)
        client.close()
        Store().close()
    """,
}


def _program(body: str) -> str:
    lines = body.strip("\n").splitlines()
    margin = len(lines[0]) - len(lines[0].lstrip())
    return BEGINNING + "\n".join(line[margin:] for line in lines) + "\nprint('done', flush=True)\n"


@pytest.mark.parametrize("name", ENDINGS)
def test_a_program_ends_at_once_and_well(tmp_path: Path, name: str) -> None:
    process = start(_program(ENDINGS[name]), tmp_path / "store")
    assert process.stdout is not None and process.stdout.readline() == "done\n"
    ended = end(process)
    assert (ended.code, ended.output, ended.errors) == (0, "", "")
    assert ended.seconds < QUICK
    from redlet import Redis

    with Redis(tmp_path / "store") as client:
        assert client.get("key") == b"1"


def test_busy_daemon_threads_never_crash_the_end(tmp_path: Path) -> None:
    for number in range(5):
        run(_program(ENDINGS["daemon threads that are busy"]), tmp_path / str(number))


@pytest.mark.parametrize("how", ["sys.exit(3)", "raise SystemExit(3)", "os._exit(3)", "1 / 0"])
def test_the_code_of_a_program_is_its_own(tmp_path: Path, how: str) -> None:
    body = _program(ENDINGS["daemon threads that wait"]) + how
    ended = end(start(body, tmp_path / "store"))
    assert (ended.code, "ZeroDivisionError" in ended.errors) == ((1, True) if how == "1 / 0" else (3, False))
    assert "Traceback" not in ended.errors.replace("Traceback", "", 1 if how == "1 / 0" else 0)


#: Counts up and says each number as soon as it is acknowledged.
ACKNOWLEDGED = """
client = Redis(path, appendfsync="always")
store = Store(path)
for number in range(1, 1_000_000):
    client.set("number", number)
    client.rpush("list", number)
    if number % 3 == 0:
        client.pipeline().set("by pipeline", number).rpush("list", -number).execute()
    if number % 5 == 0:
        store.set("by store", number)
    os.write(1, b"%d\\n" % number)
    if number == int(sys.argv[2]):
        os._exit(7)
"""


def _check_acknowledged(path: Path, acknowledged: int) -> None:
    from redlet import Redis

    with Redis(path, decode_responses=True) as client:
        number = int(client.get("number") or 0)
        assert acknowledged <= number <= acknowledged + 1
        pushed = [int(element) for element in client.lrange("list", 0, -1)]
        positive = [element for element in pushed if element > 0]
        assert positive == list(range(1, len(positive) + 1)) and len(positive) >= acknowledged
        assert int(client.get("by pipeline") or 0) >= acknowledged // 3 * 3
        assert int(client.get("by store") or 0) >= acknowledged // 5 * 5
        # A transaction is whole: the element of a number that is said to be there is there.
        assert -int(client.get("by pipeline") or 0) in [*pushed, 0]


def test_nothing_acknowledged_is_lost_by_an_exit_without_any_care(tmp_path: Path) -> None:
    ended = end(start(BEGINNING + ACKNOWLEDGED, tmp_path / "store", 50))
    assert ended.code == 7
    _check_acknowledged(tmp_path / "store", int(ended.output.split()[-1]))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("after", [1, 17, 60])
def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path, after: int) -> None:
    process = start(BEGINNING + ACKNOWLEDGED, tmp_path / "store", 0)
    assert process.stdout is not None
    for _ in range(after):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest = process.communicate(timeout=60)[0].split()
    assert process.returncode == -signal.SIGKILL
    _check_acknowledged(tmp_path / "store", int(rest[-1]) if rest else after)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing on Windows")
def test_ctrl_c_ends_a_program_that_waits(tmp_path: Path) -> None:
    for body in (
        """
        client = Redis(path)
        client.set("key", 1)
        print("waits", flush=True)
        client.blpop("list", 0)
        """,
        """
        async def main():
            client = redlet.asyncio.Redis(path)
            await client.set("key", 1)
            print("waits", flush=True)
            await client.blpop("list", 0)
        asyncio.run(main())
        """,
    ):
        process = start(_program(body), tmp_path / "store")
        assert process.stdout is not None and process.stdout.readline() == "waits\n"
        process.send_signal(signal.SIGINT)
        ended = end(process)
        assert ended.code == -signal.SIGINT and ended.errors.rstrip().endswith("KeyboardInterrupt")
        assert ended.seconds < QUICK


def test_no_process_and_no_thread_is_left_behind(tmp_path: Path) -> None:
    output = run(
        BEGINNING
        + """
def threads():
    return len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
before = threads()
for number in range(20):
    with Redis(path + str(number % 3)) as client, Redis() as memory:
        client.set("key", 1), memory.set("key", 1, ex=100), memory.blpop("list", 0.001)
        if number % 5 == 0:
            client.socket_file, memory.socket_file
del client, memory
gc.collect()
while threads() > before:
    time.sleep(0.001)
print("none")
""",
        tmp_path / "store",
    )
    assert output == "none\n"
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True)
    assert str(tmp_path) not in found.stdout


def test_an_import_alone_starts_nothing() -> None:
    output = run(
        """
        import os, sys
        before = len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
        import redlet, redlet.asyncio, redlet.patch
        print((len(os.listdir("/proc/self/task")) if before else 0) - before)
        """
    )
    assert output == "0\n"
