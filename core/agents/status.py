"""Asking an agent about the run it works in, from a copy of its conversation.

Belongs here: what is asked. Never: asking, or recording: a status report is no part of the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..model.messages import ChatMessage, ModelRequest
from ..model.states import RunStatus
from ..primitives.rendering import render
from .filters import shape
from .prompts import ERROR_PROMPT, RETURN_PROMPT, STATUS_PROMPT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..document import Procedure
    from ..document.procedure import Agent
    from ..journal.events import RunEnded
    from ..journal.folds import Message, RunFold
    from ..values import Value


class Asked(msgspec.Struct, frozen=True):
    """A request, and the model it goes to."""

    model: str | None
    request: ModelRequest


def request(
    procedure: Procedure, fold: RunFold, run_id: str, place: int, env_allow: Collection[str], prompt: str | None = None
) -> Asked | None:
    """What to ask the agent that took the latest turn about the run's progress, or with another `prompt`.

    None when no agent has taken a turn.
    """
    agent = procedure.agents.get(fold.agents.last or "")
    if agent is None:
        return None
    text, outputs = prompt or _prompt(procedure, fold.ended), fold.ended.result if fold.ended else None
    more: dict[str, Value] = {"outputs": outputs if outputs is not None else {}}
    asked = render(text, run_id=run_id, procedure=procedure, fold=fold, env_allow=env_allow, more=more)
    if fold.ended is not None and fold.ended.message:
        asked = f"{asked}\n\n{fold.ended.message}"
    asks = ChatMessage("user", asked)
    conversation = fold.agents.of(agent.name)
    messages = conversation_of(conversation.system, fold.session.messages, (*conversation.messages, asks))
    shaped = shape(agent.filter, messages, scale=conversation.scale)
    asking = request_of(agent, procedure, fold, shaped, place)
    # A script has a list of its own for this, or a report would use up the agent's next reply.
    asking = msgspec.structs.replace(asking, agent=f"{agent.name}.status", turn=0, failures=0)
    return Asked(agent.model or conversation.model or None, asking)


def _prompt(procedure: Procedure, ended: RunEnded | None) -> str:
    """What is asked about a run that goes on, or has ended."""
    if ended is None:
        return procedure.status_prompt or STATUS_PROMPT
    if ended.status == RunStatus.COMPLETED.value:
        return procedure.return_prompt or RETURN_PROMPT
    return procedure.error_prompt or ERROR_PROMPT


def conversation_of(system: str, session: Sequence[Message], own: Sequence[ChatMessage]) -> list[ChatMessage]:
    """All that a model may be given: the system prompt, the run's session, then the agent's own conversation."""
    return [ChatMessage("system", system), *map(_of_session, session), *own]


def _of_session(message: Message) -> ChatMessage:
    match message.role:
        case "SYSTEM":
            return ChatMessage("system", message.content)
        case "ASSISTANT":
            return ChatMessage("assistant", message.content)
        case "TOOL":  # it answers no call of this conversation, and a server would refuse it
            return ChatMessage("user", f"(result of a tool)\n{message.content}")
        case _:
            return ChatMessage("user", message.content)


def request_of(
    agent: Agent, procedure: Procedure, fold: RunFold, messages: Sequence[ChatMessage], place: int
) -> ModelRequest:
    """A request without tools."""
    return ModelRequest(
        messages=tuple(messages), agent=agent.name, turn=fold.agents.of(agent.name).replies,
        failures=fold.agents.of(agent.name).failures, procedure=procedure.name, nth=place,
        temperature=agent.temperature, max_tokens=agent.max_tokens,
        reasoning_effort=agent.reasoning_effort,
    )  # fmt: skip
