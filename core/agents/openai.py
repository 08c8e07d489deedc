"""A model behind an OpenAI-compatible server.

Belongs here: one reply from its pieces, its time limits, and its connections. Never: retrying, which the engine does
where people see it; the libraries, which `chat.py` knows; words about failures, which are in `failures.py`.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from ..errors import ModelError, did_you_mean
from ..model.clock import SystemClock
from ..model.messages import Reply, RequestedCall, Usage
from .failures import Failure, Place, explain
from .prices import OPENAI_URL, cost

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from ..model.clock import Clock
    from ..model.messages import ModelRequest, Offer
    from ..model.secrets import Secrets
    from ..model.settings import ModelSettings
    from .chat import CallPiece, Connection, Piece

CHECK_SECONDS = 5.0
"""For a server to answer when nothing but its state is asked."""
NO_KEY = "none"
"""Sent to servers that want no key: the library cannot go without."""
MAX_TEXT = 16 * 1024 * 1024
"""Characters of one reply, the arguments of its calls included."""
MAX_CALLS = 1000
"""Calls of tools in one reply; each is an entry in the journal, and may start a procedure."""
HOSTS = ("openai.com", "openai.azure.com")
"""Where OpenAI's own rules hold, and not what other servers made of them: see `chat.py`."""


class OpenAIModel:
    """A `Model` of a server that speaks OpenAI's chat completions. Its methods work in any event loop."""

    def __init__(
        self,
        name: str,
        settings: ModelSettings,
        *,
        secrets: Secrets,
        key: str = "",
        key_from: str = "",
        clock: Clock | None = None,
        hosts: Sequence[str] = HOSTS,
    ) -> None:
        """`key_from` tells people where the key is from. Nothing is imported or connected before the first reply."""
        self.name: str = name
        self._settings: ModelSettings = settings
        self._secrets: Secrets = secrets
        self._clock: Clock = clock or SystemClock()
        self._hosts: Sequence[str] = hosts
        self._url: str = settings.base_url or OPENAI_URL
        self._key: Callable[[], str] = lambda: key or NO_KEY
        self._place: Place = Place(f"models.{name}", settings.model, _shown(self._url, secrets), key_from)
        self._connections: dict[asyncio.AbstractEventLoop, Connection] = {}

    async def reply(self, request: ModelRequest, on_text: Callable[[str], None]) -> Reply:
        """As `Model.reply`. A reply whose end was seen counts, whatever becomes of the connection after that."""
        connection = await self._connection()
        collected = _Collected()
        failure: ModelError | None = None
        limit = asyncio.timeout(self._settings.timeout)
        try:
            async with limit, aclosing(self._asked(connection, request)) as pieces:
                async for piece in pieces:
                    collected.add(piece)
                    if piece.text:
                        on_text(_sound(piece.text))
        except Failure as error:
            failure = explain(error, self._place, self._secrets)
        except TimeoutError:
            if not limit.expired():
                raise
            failure = self._overdue()
        if collected.stop_reason:
            return self._whole(collected, request)
        if failure is None:
            said = "before the finish_reason" if collected.begun else "with nothing said"
            ended = Failure("broken", f"the reply of {self._place.address} ended {said}")
            failure = explain(ended, self._place, self._secrets)
        raise failure

    async def check(self) -> str | None:
        """What is wrong with the server or the configured model, without paying; None when nothing is."""
        connection = await self._connection()
        failure: Failure | None = None
        names: list[str] | None = None
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                names = await connection.models()
        except TimeoutError:
            return f"{self._place.address} did not answer within {CHECK_SECONDS:g} s"
        except Failure as error:
            failure = error
        if failure is not None:
            return str(explain(failure, self._place, self._secrets))
        wanted = self._settings.model
        if names is None or any(_same(wanted, name) for name in names):
            return None
        near = did_you_mean(wanted, names) or (
            f"; it has {', '.join(sorted(names)[:5])}" + (", ..." if names[5:] else "")
        )
        return self._secrets.redact(f'{self._place.address} has no model "{wanted}"{near}')

    async def aclose(self) -> None:
        """Closes this event loop's connections; what other loops had open ends with them."""
        connection = self._connections.pop(asyncio.get_running_loop(), None)
        if connection is not None:
            await connection.close()

    async def _connection(self) -> Connection:
        """This event loop's own connection: sockets belong to the loop in which they were made."""
        loop = asyncio.get_running_loop()
        for other in [known for known in list(self._connections) if known.is_closed()]:
            self._connections.pop(other, None)
        found = self._connections.get(loop)
        if found is not None:
            return found
        try:
            opened = await asyncio.to_thread(self._opened)
        except (ImportError, OSError, ValueError) as error:
            problem = self._secrets.redact(str(error))
        else:
            # Whoever came first in the meantime wins; nothing was connected yet.
            return self._connections.setdefault(loop, opened)
        raise ModelError(
            f"cannot set up connections to {self._place.address}: {problem}; check the variables HTTP_PROXY, "
            "HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE, and whether proc-tui is installed completely"
        )

    def _opened(self) -> Connection:
        """Imports what is slow to import, 1.2 s, and is therefore called in a thread."""
        from .chat import Connection  # noqa: PLC0415

        cost(self._settings.model, Usage(input=1, output=1), self._settings)
        host = urlsplit(self._url).hostname or ""
        return Connection(
            model=self._settings.model,
            base_url=self._url,
            key=self._key(),
            idle=self._settings.idle_timeout,
            hosted=any(host == known or host.endswith(f".{known}") for known in self._hosts),
            clock=self._clock,
        )

    def _asked(self, connection: Connection, request: ModelRequest) -> AsyncGenerator[Piece]:
        settings = self._settings
        return connection.pieces(
            request.messages,
            tools=[_tool(offer) for offer in request.offers],
            temperature=settings.temperature if request.temperature is None else request.temperature,
            max_tokens=settings.max_tokens if request.max_tokens is None else request.max_tokens,
            reasoning_effort=settings.reasoning_effort
            if request.reasoning_effort is None
            else request.reasoning_effort,
        )

    def _overdue(self) -> ModelError:
        place = self._place
        said = f"{place.address} did not finish the reply within {self._settings.timeout:g} s"
        return ModelError(
            f"{said}; raise timeout of [{place.section}] in config.toml, or lower max_tokens", retryable=True
        )

    def _whole(self, collected: _Collected, request: ModelRequest) -> Reply:
        usage = collected.usage
        model = collected.model or self._settings.model
        price = cost(model, usage, self._settings)
        return Reply(
            content=_sound("".join(collected.text)),
            calls=collected.requested([call.id for message in request.messages for call in message.calls]),
            stop_reason=collected.stop_reason,
            model=model,
            usage=Usage(usage.input, usage.output, usage.total, usage.cached, usage.reasoning, price),
        )


class _Call:
    """A call while it arrives."""

    def __init__(self, index: int | None, id: str) -> None:
        self.index: int | None = index
        self.id: str = id
        self.name: str = ""
        self.arguments: list[str] = []


class _Collected:
    """A reply while it arrives.

    Collected here and not by adding the library's chunks up: that takes quadratic time, turns arguments that are not
    JSON into none, and adds usage up which servers repeat.
    """

    def __init__(self) -> None:
        self.text: list[str] = []
        self.stop_reason: str = ""
        self.model: str = ""
        self.usage: Usage = Usage()
        self._calls: list[_Call] = []
        self._size: int = 0

    @property
    def begun(self) -> bool:
        """Whether anything of a reply was seen."""
        return bool(self.text or self._calls)

    def add(self, piece: Piece) -> None:
        """Raises `Failure` when it is more than is kept of any reply."""
        self._size += len(piece.text) + sum(len(part.arguments) + len(part.name) for part in piece.calls)
        if self._size > MAX_TEXT:
            raise Failure("endless", f"{MAX_TEXT // 1024 // 1024} MB of text")
        if piece.text:
            self.text.append(piece.text)
        self.stop_reason = piece.stop_reason or self.stop_reason
        self.model = piece.model or self.model
        self.usage = piece.usage or self.usage
        for part in piece.calls:
            call = self._call(part)
            call.id = call.id or part.id
            if part.name != call.name:
                call.name += part.name
            call.arguments.append(part.arguments)

    def requested(self, earlier: Sequence[str]) -> tuple[RequestedCall, ...]:
        """The calls in the order in which the model made them; `earlier` are the ids of the conversation before.

        A call without an id of its own gets `call_<n>` by its place in the conversation: the same each time, and no
        other call's.
        """
        taken: set[str] = set()
        found: list[RequestedCall] = []
        for number, call in enumerate(sorted(self._calls, key=lambda call: -1 if call.index is None else call.index)):
            id = _sound(call.id)
            if not id or id in taken:
                free = (f"call_{place}" for place in count(len(earlier) + number))
                id = next(name for name in free if name not in taken and name not in earlier)
            taken.add(id)
            found.append(RequestedCall(id, _sound(call.name), _sound("".join(call.arguments)) or "{}"))
        return tuple(found)

    def _call(self, part: CallPiece) -> _Call:
        """The call that a part belongs to: by its index, its id, or else the last one; a new id begins a new call."""
        if part.index is None:
            same = [call for call in self._calls if call.id == part.id] if part.id else [] if part.name else self._calls
        else:
            same = [call for call in self._calls if call.index == part.index]
        if same and (not part.id or not same[-1].id or part.id == same[-1].id):
            return same[-1]
        if len(self._calls) == MAX_CALLS:
            raise Failure("endless", f"{MAX_CALLS:,} calls of tools")
        self._calls.append(_Call(part.index, part.id))
        return self._calls[-1]


def _tool(offer: Offer) -> dict[str, object]:
    schema = offer.schema or {"type": "object", "properties": {}}
    function = {"name": offer.name, "description": offer.description, "parameters": schema}
    return {"type": "function", "function": function}


def _sound(text: str) -> str:
    """Text that can be written down: servers cut characters beyond the first 65536 in two, which JSON can carry."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _same(wanted: str, listed: str) -> bool:
    """Whether a listed name is the wanted one: servers put a folder before it, or a default tag after it."""
    return listed in {wanted, f"{wanted}:latest"} or listed.endswith(f"/{wanted}")


def _shown(url: str, secrets: Secrets) -> str:
    """An address for messages: without a user, a password or a query."""
    parts = urlsplit(url)
    if parts.password:
        secrets.remember(parts.password)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
