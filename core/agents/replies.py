"""Replies that were written beforehand: a file of them plays the models, so that a procedure runs offline.

Belongs here: finding the reply that is meant, and saying it as a model would. Never: the form of the file
(`replies_file.py`), or making one of what models said (`script.py`).
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..document.source import read_file
from ..errors import ModelError, RepliesError, did_you_mean
from ..model.messages import ChatMessage, Reply, RequestedCall, Usage
from .filters import estimate
from .replies_file import SCRIPTED, Item, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..model.messages import ModelRequest

_WORDS = re.compile(r"\S{1,24}\s*|\s+")
_BREATH = 32
"""After so many words without a delay others get their turn in the event loop."""
_SHOWN_MESSAGES, _SHOWN_CHARS = 8, 300


class Replies:
    """A file of replies."""

    def __init__(self, file: str, text: str, scripts: Mapping[str, Sequence[Item]]) -> None:
        self.file: str = file
        self.text: str = text
        """All of it, for whoever pins it with a run."""
        self.scripts: Mapping[str, Sequence[Item]] = scripts
        """What the file says under each key."""

    @classmethod
    def load(cls, path: str | Path) -> Replies:
        """Reads a file. Raises `RepliesError`, which lists everything that is wrong with it."""
        try:
            raw = read_file(Path(path))
        except OSError as error:
            raise RepliesError(f'cannot read the replies "{path}": {error.strerror or error}') from None
        text, scripts = read(raw, str(path))
        return cls(str(path), text, scripts)

    @classmethod
    def parse(cls, text: str, file: str) -> Replies:
        """The same from the text of a file, as a run pins it. Raises `RepliesError`."""
        whole, scripts = read(text, file)
        return cls(file, whole, scripts)

    def model(self, *, delay: float = 0.0) -> ScriptedModel:
        """A model that plays the file; `delay` is in seconds between two words where the file says nothing about it."""
        return ScriptedModel(self, delay=delay)

    def item(self, request: ModelRequest) -> Item:
        """What the file says in answer to a request. Raises `RepliesError` when it says nothing, or does not fit."""
        key = next((key for key in _keys(request) if key in self.scripts), None)
        who = f'the agent "{request.agent}" of the procedure "{request.procedure}" (its run #{request.nth})'
        if key is None:
            raise RepliesError(f"{self.file}: no replies for {who}; {self._known(request.agent)}")
        script, index = self.scripts[key], request.turn + request.failures
        if index >= len(script) and not (script and script[-1].repeat):
            raise RepliesError(
                f"{self.file}: {who} asks for reply {index + 1}; the file has {len(script)} under `{key}`. Add one, or "
                "give the last one `repeat: true`"
            )
        item = script[min(index, len(script) - 1)]
        _check_expected(item, request, who)
        _check_offered(item, request, who)
        return item

    def _known(self, agent: str) -> str:
        if not self.scripts:
            return f"the file is empty: add `{agent}:` with a list of replies under it"
        return f"the file has {', '.join(f'`{key}`' for key in self.scripts)}{did_you_mean(agent, self.scripts)}"


class ScriptedModel:
    """A `Model` that says what the file says, word by word."""

    def __init__(self, replies: Replies, *, delay: float = 0.0) -> None:
        self._replies: Replies = replies
        self._delay: float = delay

    @property
    def name(self) -> str:
        return SCRIPTED

    async def reply(self, request: ModelRequest, on_text: Callable[[str], None]) -> Reply:
        """The reply at the agent's place in the file, which is how many replies and errors it got before.

        Raises `RepliesError` when there is none or it does not fit, and `ModelError` when an error is scripted.
        """
        item = self._replies.item(request)
        delay = self._delay if item.delay is None else item.delay
        for number, match in enumerate(_WORDS.finditer(item.text), 1):
            on_text(match[0])
            if delay > 0 or number % _BREATH == 0:
                await asyncio.sleep(delay)
        if item.error is not None:
            raise ModelError(item.error, retryable=item.retryable)
        calls = tuple(
            RequestedCall(f"call_{request.turn}_{number}", name, arguments)
            for number, (name, arguments) in enumerate(item.calls)
        )
        stop_reason = item.stop_reason or ("tool_calls" if calls else "stop")
        return Reply(item.text, calls, stop_reason, item.model, _counted(item, request, calls))


def _keys(request: ModelRequest) -> tuple[str, str, str]:
    """Where the file may have the replies to a request, the most specific first."""
    agent = f"{request.procedure}.{request.agent}"
    return f"{request.procedure}#{request.nth}.{request.agent}", agent, request.agent


def _counted(item: Item, request: ModelRequest, calls: tuple[RequestedCall, ...]) -> Usage:
    given = item.usage
    sent = estimate(request.messages, request.offers) if given.input is None else given.input
    said = estimate([ChatMessage("assistant", item.text, calls)]) if given.output is None else given.output
    return Usage(sent, said, sent + said, given.cached, given.reasoning, given.cost)


def _check_expected(item: Item, request: ModelRequest, who: str) -> None:
    if not item.expect:
        return
    parts = [part for message in request.messages for part in _said(message)]
    missing = [text for text in item.expect if not any(text in part for part in parts)]
    if not missing:
        return
    shown = "\n".join(_shown(message) for message in request.messages[-_SHOWN_MESSAGES:])
    left = len(request.messages) - _SHOWN_MESSAGES
    if left > 0:
        shown = f"  ({left} earlier messages)\n{shown}"
    wanted = " and ".join(f'"{text}"' for text in missing)
    raise RepliesError(f"{item.place}: this reply expects {wanted} in what {who} sends; it sends:\n{shown}")


def _said(message: ChatMessage) -> list[str]:
    return [message.content, *(text for call in message.calls for text in (call.name, call.arguments))]


def _shown(message: ChatMessage) -> str:
    text = " ".join((message.content, *(f"{call.name}({call.arguments})" for call in message.calls))).strip()
    text = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
    return f"  {message.role}: " + text.replace("\n", "\n    ")


def _check_offered(item: Item, request: ModelRequest, who: str) -> None:
    offered = [offer.name for offer in request.offers]
    for name, _ in item.calls:
        if name not in offered:
            known = f" (offered: {', '.join(offered)})" if offered else " (no tool is)"
            hint = did_you_mean(name, offered)
            raise RepliesError(f'{item.place}: this reply calls "{name}", which is not offered to {who}{known}{hint}')
