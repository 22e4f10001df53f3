"""An asyncio connection of redis-py whose other end is in the process."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import Any, Iterable, List, Optional

from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.exceptions import ConnectionError, ResponseError

from redlet._native import Session
from redlet.connection import EmbeddedConnection, connection_keywords, handle_push, raise_first_of_list, with_place
from redlet.exceptions import Push
from redlet.location import Location


class Connection(EmbeddedConnection, AbstractConnection):
    """A connection to a redlet store. Takes every keyword that redis-py's connections take; those about a network have no effect.

    It belongs to no event loop: whichever loop reads from it waits for it. Where the store belongs to another process that serves it, it is
    a stream of a real socket, and everything is as in redis-py.
    """

    _known, _spared = connection_keywords(AbstractConnection)
    _retry_class = Retry

    def __init__(
        self, *, location: Optional[Location] = None, path: Optional[str] = None, **keywords: Any
    ) -> None:
        self._is_monitoring = False
        super().__init__(location, path, keywords)

    @property
    def is_connected(self) -> bool:
        return self._session is not None or bool(self._reader is not None and self._writer is not None)

    async def connect(self) -> None:
        """Opens the store if it is not open, and a session on it."""
        if self.is_connected:
            return
        if self._has_owner:
            # It may be about to end, and this process takes its place.
            await self.retry.call_with_retry(self._attach, lambda error: self.disconnect())
        else:
            await self._attach()

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        await self.connect()

    async def _attach(self) -> None:
        target = self.location.attach()
        if isinstance(target, str):
            self._target = target
            base: Any = super()
            await getattr(base, "connect_check_health", base.connect)()
            self._begin_with_owner()
            return
        logs_in = self._begin_session(target)
        try:
            if self.redis_connect_func:
                result = self.redis_connect_func(self)
                if asyncio.iscoroutine(result):
                    await result
            elif logs_in:
                await self._log_in()
        except BaseException:
            await self.disconnect(nowait=True)
            raise
        for callback in self._living_callbacks():
            task = callback(self)
            if asyncio.iscoroutine(task):
                await task

    async def _log_in(self) -> None:
        # redis-py's own `on_connect` hands its parser the streams of a socket.
        from redis.credentials import UsernamePasswordCredentialProvider

        provider = self.credential_provider or UsernamePasswordCredentialProvider(self.username, self.password)
        credentials = await provider.get_credentials_async()
        if len(credentials) == 1:
            credentials = ("default", *credentials)
        if int(self.protocol) == 3:
            await self.send_command("HELLO", 3, "AUTH", *credentials, check_health=False)
        else:
            await self.send_command("AUTH", *credentials, check_health=False)
        await self.read_response()
        if self.client_name:
            await self.send_command("CLIENT", "SETNAME", self.client_name, check_health=False)
            await self.read_response()

    async def _connect(self) -> None:
        """A socket to the process that has the store."""
        self._reader, self._writer = await asyncio.open_unix_connection(self._target)

    def _close(self) -> None:
        session, self._session = self._session, None
        self._is_monitoring = False
        if session is not None:
            session.close()
            return
        if self._writer is not None:
            self._writer.close()
            self._writer = self._reader = None

    async def disconnect(self, nowait: bool = False, *args: Any, **keywords: Any) -> None:
        """Ends the session: what it waits for goes to others."""
        if self._session is None:
            await super().disconnect(nowait, *args, **keywords)
            return
        self._close()
        self._reset_himport()
        self.reset_should_reconnect()

    def reset_should_reconnect(self) -> None:
        # redis-py has this since version 7.
        reset = getattr(super(), "reset_should_reconnect", None)
        if reset is not None:
            reset()

    async def send_command(self, *args: Any, **keywords: Any) -> None:
        session = self._session
        if session is None:
            await self.connect()
            session = self._session
            if session is None:
                await super().send_command(*args, **keywords)
                return
        if self.health_check_interval and keywords.get("check_health", True):
            await self.check_health()
            session = self._session or session
        if args[0] == "MONITOR":
            self._is_monitoring = True
        session.send(*args)

    async def send_packed_command(
        self, command: Any, check_health: bool = True
    ) -> None:
        if self._session is None:
            await self.connect()
        if self._session is None:
            await super().send_packed_command(command, check_health)
            return
        if self.health_check_interval and check_health:
            await self.check_health()
        if isinstance(command, (str, bytes)):
            command = [command]
        self._session.send_all(command)

    def pack_commands(self, commands: Iterable[Any]) -> List[Any]:
        # Words are what a session takes; bytes would be taken apart again.
        return list(map(tuple, commands)) if self._session is not None else super().pack_commands(commands)

    async def can_read(self) -> bool:
        """Whether something came that nobody has read."""
        if self._session is None:
            method = getattr(super(), "can_read", None) or super().can_read_destructive
            return bool(await method())
        return self._session.can_read()

    async def can_read_destructive(self) -> bool:
        return await self.can_read()

    async def read_response(
        self,
        disable_decoding: bool = False,
        timeout: Optional[float] = None,
        *,
        disconnect_on_error: bool = True,
        push_request: Optional[bool] = False,
    ) -> Any:
        session = self._session
        if session is None:
            if not self.is_connected:
                raise ConnectionError("Connection closed by server.")
            return await super().read_response(
                disable_decoding,
                timeout,
                disconnect_on_error=disconnect_on_error,
                push_request=push_request,
            )
        decode = self.encoder.decode_responses and not disable_decoding
        ends = None if timeout is None or timeout == math.inf else asyncio.get_running_loop().time() + timeout
        try:
            while True:
                # An answer that is read is returned without another wait: in between a task could be cancelled, and an element lost.
                found = session.read_now(decode)
                if found is None:
                    if not await self._wait(session, ends):
                        return None
                    continue
                response = found[0]
                if type(response) is not Push:
                    break
                response = handle_push(self._parser, list(response))
                if asyncio.iscoroutine(response):
                    response = await response
                if push_request:
                    break
            if type(response) is list:
                raise_first_of_list(response)
            if self._is_monitoring:
                response = with_place(response)
        except ResponseError:
            if self.health_check_interval:
                self._note_health()
            raise
        except BaseException:
            if disconnect_on_error:
                await self.disconnect(nowait=True)
            raise
        if self.health_check_interval:
            self._note_health()
        return response

    async def _wait(self, session: Session, ends: Optional[float]) -> bool:
        """Waits until there may be something to read; false when the time is over."""
        loop = asyncio.get_running_loop()
        seconds = None if ends is None else ends - loop.time()
        if seconds is not None and seconds <= 0:
            # Others have their turn, as they would have had while a socket was read.
            await asyncio.sleep(0)
            return session.can_read()
        woken: "asyncio.Future[bool]" = loop.create_future()
        descriptor = session.descriptor()
        try:
            loop.add_reader(descriptor, _settle, woken, True)
        except NotImplementedError:
            # Windows' own loop polls no sockets.
            return await _wait_in_thread(session, seconds)
        timer = None if seconds is None else loop.call_later(seconds, _settle, woken, False)
        try:
            return await woken
        finally:
            loop.remove_reader(descriptor)
            if timer is not None:
                timer.cancel()

    def _note_health(self) -> None:
        self.next_health_check = asyncio.get_running_loop().time() + self.health_check_interval

    async def check_health(self) -> None:
        if self.health_check_interval and asyncio.get_running_loop().time() > self.next_health_check:
            await self.send_command("PING", check_health=False)
            await self.read_response()

    def __del__(self, *args: Any) -> None:
        try:
            self._close()
        except Exception:
            pass


class PoolLock:
    """The lock of a pool that event loops of several threads may use, which asyncio's own is not made for. Nothing in this process makes
    its holder wait, so nobody's loop stands still for longer than a moment; and a task that gives its connection back, with an answer in
    its hands, has no point there at which it could be cancelled."""

    def __init__(self) -> None:
        # A holder may be another task of the same thread, where a connection is a stream to another process.
        self._lock = threading.RLock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *exception: Any) -> None:
        self._lock.release()


def _settle(future: "asyncio.Future[bool]", value: bool) -> None:
    if not future.done():
        future.set_result(value)


async def _wait_in_thread(session: Session, seconds: Optional[float]) -> bool:
    step = 0.05
    loop = asyncio.get_running_loop()
    ends = None if seconds is None else loop.time() + seconds
    while ends is None or loop.time() < ends:
        if await loop.run_in_executor(None, session.can_read, step):
            return True
    return False


