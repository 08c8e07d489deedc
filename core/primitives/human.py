"""`Human`: questions to people, and what they are told."""

from __future__ import annotations

from typing import Literal

from ..errors import PrimitiveError, did_you_mean
from ..journal.events import Notified, Requested
from ..values import Value, as_bytes, describe, digest
from . import rendering
from .execution import Call, Reply
from .registry import Family, Form, Method, Rows, Seconds, effect, operation

_CALLED = {"approval": "approve", "input": "input", "review": "review"}
"""The call of each type of point."""
_METHODS = {**_CALLED, "escalation": "escalate"}
"""The call of each type of request."""

OnTimeout = Literal["default", "error", "retry"]
Level = Literal["info", "warning", "error"]


class Human(Family):
    """What is shown to a person is exactly what was passed. The first argument may be the name of a point declared
    under `hitl`; its options are used where the call gives none. A deadline is a moment in time: it holds while
    nothing runs, and an answer after it is refused. On a timeout `on_timeout` decides: `default` returns the default,
    `error` raises, `retry` asks once more with the same limit and then acts as `default`."""

    lua_name = "Human"

    @operation(form=Form.POINT)
    async def approve(
        self,
        call: Call,
        message: str = "",
        context: Value = None,
        timeout: Seconds | None = None,
        default: bool = False,
        on_timeout: OnTimeout = "default",
        config_key: str | None = None,
    ) -> object:
        """Asks for approval.

        Args:
            message: The question.
            context: Anything that helps to decide.
            timeout: Seconds from the request; no limit when left out.
            default: The outcome of a timeout.
            on_timeout: What a timeout does.
            config_key: The name of a declared point.
        Returns: `approved` (boolean), `timed_out` (boolean)
        """
        reply = await self._ask(
            call, "approval", config_key, message, timeout, on_timeout, context=context, default=default
        )
        return (default, True) if reply is None else (bool(reply.answer.get("approved")), False)

    @operation(form=Form.POINT)
    async def input(
        self,
        call: Call,
        message: str = "",
        placeholder: str | None = None,
        default: str | None = None,
        multiline: bool = False,
        context: Value = None,
        timeout: Seconds | None = None,
        on_timeout: OnTimeout = "default",
        config_key: str | None = None,
    ) -> object:
        """Asks for text.

        Args:
            message: The question.
            placeholder: Shown while nothing is typed.
            default: The text of a timeout, and what is offered.
            multiline: Whether line breaks may be typed.
            context: Anything that helps to answer.
            timeout: Seconds from the request; no limit when left out.
            on_timeout: What a timeout does.
            config_key: The name of a declared point.
        Returns: `text` or nil, `timed_out` (boolean)
        """
        reply = await self._ask(
            call, "input", config_key, message, timeout, on_timeout,
            placeholder=placeholder, default=default, multiline=multiline or None, context=context,
        )  # fmt: skip
        return (default, True) if reply is None else (reply.answer.get("text"), False)

    @operation(form=Form.POINT)
    async def review(
        self,
        call: Call,
        message: str = "",
        artifact: Value = None,
        artifact_type: str | None = None,
        options: Rows | None = None,
        context: Value = None,
        default: str | None = None,
        timeout: Seconds | None = None,
        on_timeout: OnTimeout = "default",
        config_key: str | None = None,
    ) -> object:
        """Shows an artifact and asks for a decision.

        Args:
            message: The question.
            artifact: What is reviewed: text or any table. An edited artifact comes back in the same type.
            artifact_type: What it is, for the display: `markdown`, `json`, `diff`, ... .
            options: Names, or `{label, type}` with type `action` or `cancel`; Approve and Reject when left out.
            context: Anything that helps to decide.
            default: The decision of a timeout; else the first `cancel` option, else the last.
            timeout: Seconds from the request; no limit when left out.
            on_timeout: What a timeout does.
            config_key: The name of a declared point.
        Returns: `{decision, feedback, edited_artifact, responded_at}`, `timed_out` (boolean); `decision` is the label
        """
        choices = [self._choice(item) for item in options or []] or [
            {"label": "Approve", "type": "action"},
            {"label": "Reject", "type": "cancel"},
        ]
        labels = [str(choice["label"]) for choice in choices]
        if len(set(map(str.casefold, labels))) < len(labels):
            raise self.refuse("review", f"two options have the same label ({', '.join(labels)})")
        if default is not None:
            default = self._label(default, labels)
        reply = await self._ask(
            call, "review", config_key, message, timeout, on_timeout,
            artifact=artifact, artifact_type=artifact_type, options=list(choices), context=context, default=default,
        )  # fmt: skip
        if reply is None:
            cancels = [str(choice["label"]) for choice in choices if choice["type"] == "cancel"]
            decision = default or (cancels[0] if cancels else labels[-1])
            return {"decision": decision}, True
        names = ("decision", "feedback", "edited_artifact")
        given: dict[str, Value] = {name: item for name in names if (item := reply.answer.get(name)) is not None}
        return {**given, "responded_at": reply.at}, False

    @operation(form=Form.POINT)
    async def escalate(
        self,
        call: Call,
        message: str = "",
        context: Value = None,
        severity: str | None = None,
        config_key: str | None = None,
    ) -> object:
        """Hands a problem to a person and blocks, without a limit, until it is resolved.

        Args:
            message: What is wrong.
            context: Anything that helps to resolve it.
            severity: How bad it is, in your own words.
            config_key: The name of a declared point.
        Returns: `{note, responded_at}`
        """
        reply = await self._ask(
            call, "escalation", config_key, message, None, "default", context=context, severity=severity
        )
        if reply is None:
            raise AssertionError("an escalation has no deadline")
        note = reply.answer.get("note")
        return {"responded_at": reply.at} if note is None else {"note": note, "responded_at": reply.at}

    @operation(form=Form.EITHER, local_only=True)
    async def chat(self, call: Call, message: str | None = None, timeout: Seconds | None = None) -> object:
        """Says something in the conversation and waits for the next message that a person or a parent sends to the run.
        One that came already, and that no agent was given, is taken at once. Nothing stands in the inbox meanwhile.

        Args:
            message: What is said; nothing when left out.
            timeout: Seconds; no limit when left out.
        Returns: the message, or nil when the time passed or the run was asked to stop; who sent it
        """
        heard = await self.context.hear(call, message, timeout)
        return None if heard is None else (heard.content, heard.by)

    @effect(form=Form.OPTIONS)
    def notify(
        self,
        message: str = "",
        level: Level = "info",
        content: str | None = None,
        details: Rows | None = None,
        context: Value = None,
    ) -> None:
        """Tells people something; it blocks nothing.

        Args:
            message: One line.
            level: How important it is.
            content: Markdown, shown in place of the message.
            details: A list of `{title, content}` sections.
            context: Anything to show with it.
        """
        if not message and not content:
            raise self.refuse("notify", '"message" is missing (a string)')
        rows: list[Value] | None = list(details) if details else None
        for index, row in enumerate(rows or [], 1):
            if not isinstance(row, dict) or not isinstance(row.get("title"), str):
                raise self.refuse(
                    "notify", f'"details" must be a list of {{title, content}}; item {index} is {describe(row)}'
                )
        self.context.emit(Notified(message, level, content, rows, context))

    async def _ask(
        self,
        call: Call,
        type: str,
        point: str | None,
        message: str,
        timeout: float | None,
        on_timeout: str,
        **shown: Value,
    ) -> Reply | None:
        rules = self._rules(point)
        if not message:
            raise self.refuse(_METHODS[type], '"message" is missing (a string)')
        data: dict[str, Value] = {name: value for name, value in {**shown, **rules}.items() if value is not None}
        seen = digest(data.get("artifact", message))

        def draft(*, request: str, deadline: float | None, attempt: int) -> Requested:
            return Requested(
                request=request, type=type, message=message, point=point or "", data=data, digest=seen,
                deadline=deadline, on_timeout=on_timeout, attempt=attempt,
            )  # fmt: skip

        for attempt in range(1, 3 if on_timeout == "retry" else 2):
            reply = await self.context.ask(call, draft, attempt=attempt, timeout=timeout)
            if reply is not None:
                return reply
        if on_timeout == "error":
            raise PrimitiveError(f"nobody answered within {timeout:g} s: {message}")
        return None

    def prepare(self, method: Method, given: dict[str, Value]) -> dict[str, Value]:
        """The options of a call with those of its declared point, over which the call's own win."""
        name = given.get("config_key")
        if name is None:
            return given
        points = self.context.procedure.hitl
        point = points.get(name) if isinstance(name, str) else None
        if point is None:
            direct = f"; to ask without a point: Human.{method.name}{{message = ...}}"
            hint = (did_you_mean(name, points) if isinstance(name, str) else "") or direct
            shown = f'"{name[:40]}"' if isinstance(name, str) else describe(name)
            raise self.refuse(method.name, f"no point is declared under hitl as {shown}{hint}")
        if _CALLED[point.type] != method.name and method.name != "escalate":
            raise self.refuse(method.name, f'the point "{name}" is declared for Human.{_CALLED[point.type]}')
        declared = {key: value for key, value in point.options.items() if key in method.names}
        if isinstance(text := declared.get("message"), str) and "message" not in given:
            declared["message"] = render(self, text)
        return {**declared, **given}

    def _rules(self, point: str | None) -> dict[str, Value]:
        """What only a declared point may add: how it must be answered."""
        declared = self.context.procedure.hitl.get(point) if point else None
        if declared is None:
            return {}
        return {
            "confirm": None if declared.confirm is None else render(self, declared.confirm),
            "approvals": declared.approvals if declared.approvals > 1 else None,
            "not_starter": declared.not_starter or None,
        }

    def _choice(self, item: Value) -> dict[str, Value]:
        if isinstance(item, dict) and isinstance(item.get("label"), str):
            type = item.get("type", "action")
            if type not in ("action", "cancel"):
                raise self.refuse("review", f'the type of an option must be "action" or "cancel", got {describe(type)}')
            return {**item, "type": type}
        if as_bytes(item) is None or not isinstance(item, str) or not item:
            raise self.refuse("review", f"an option must be a name or {{label, type}}, got {describe(item)}")
        label = item[:1].upper() + item[1:].replace("_", " ")
        return {"label": label, "type": "cancel" if item.casefold() in ("reject", "cancel") else "action"}

    def _label(self, name: str, labels: list[str]) -> str:
        for label in labels:
            if label.casefold() == name.casefold().replace("_", " "):
                return label
        raise self.refuse(
            "review", f'the default "{name}" is not an option{did_you_mean(name, labels)} ({", ".join(labels)})'
        )


def render(family: Family, text: str) -> str:
    """A template of the document, filled in from the run as it is now."""
    context = family.context
    return rendering.render(
        text, run_id=context.run_id, procedure=context.procedure, fold=context.fold, env_allow=context.env_allow
    )
