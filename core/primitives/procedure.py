"""`Procedure`: children, which are runs of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import PrimitiveError, did_you_mean
from ..model.states import RunStatus
from ..values import Value, describe, table_of
from .execution import Call, ChildOutcome
from .registry import Family, Record, Rows, Timeout, operation

if TYPE_CHECKING:
    from collections.abc import Sequence

POLLS = 100
"""How many unchanged answers in a row are given at once, before polling waits."""
POLL_SECONDS = 1.0


class ChildError(PrimitiveError):
    """A child ended without success; `value` is its error as it raised it."""

    def __init__(self, value: Value) -> None:
        super().__init__(value if isinstance(value, str) else describe(value))
        self.value: Value = value


class Procedure(Family):
    """Children are procedures that run on their own: they wait for their people while the parent does other work, and
    survive restarts with it. A name is looked up among the inline procedures, then in the workspace. A handle is the
    child's run id. Cancelling a parent cancels its children; children of a parent that completed or failed go on."""

    lua_name = "Procedure"

    @operation()
    async def run(self, call: Call, name: str, params: Record | None = None) -> Value:
        """Runs a child to its end. Raises the child's error when it failed or was cancelled.

        Args:
            name: The procedure.
            params: Its parameters.
        Returns: the child's outputs
        """
        handle = self.context.start_child(call, name, dict(params or {}), detached=False)
        outcomes = await self.context.join(call, [handle], until="all", timeout=None)
        return self._result((outcomes or [])[0])

    @operation()
    async def list(self, call: Call) -> Value:
        """The procedures of the workspace.

        Returns: a list of `{name, description, params}`; `params` is a table by name of `{type, required, default,
            enum, description}`
        """
        return self.context.list_procedures()

    @operation()
    async def spawn(self, call: Call, name: str, params: Record | None = None) -> Value:
        """Starts a child and goes on.

        Args:
            name: The procedure; one with `async: false` cannot be spawned.
            params: Its parameters.
        Returns: the handle
        """
        return self.context.start_child(call, name, dict(params or {}), detached=True)

    @operation()
    async def status(self, call: Call, handle: str, options: Record | None = None) -> object:
        """Where a child is. Polling is throttled: after 100 unchanged answers in a row the next waits until a child
        changes or a second passes.

        Args:
            handle: The child.
            options: `{summary = true}` asks a child with agents for a summary of its progress.
        Returns: the status; a table with `stage`, `waiting_for_human`, `request`, `error`, `summary`
        """
        unknown = [name for name in options or {} if name != "summary"]
        if unknown:
            raise self.refuse(
                "status", f'unknown option "{unknown[0]}"{did_you_mean(unknown[0], ["summary"])} (options: summary)'
            )
        child = (await self._poll(call, [handle]))[0]
        status = RunStatus.RUNNING if child.status in _SHOWN_AS_RUNNING else child.status
        about: dict[str, Value] = {
            "stage": child.stage,
            "waiting_for_human": child.status is RunStatus.WAITING_FOR_HUMAN,
            "request": child.request,
            "error": child.error,
            "summary": child.summary,
        }
        if (options or {}).get("summary") is True:
            about["summary"] = self.context.ask_status(call, handle)
        return status.value, {key: value for key, value in about.items() if value is not None}

    @operation()
    async def wait(self, call: Call, handle: str, timeout: Timeout | None = None) -> Value:
        """Waits for a child to end. Raises when it failed, was cancelled, or did not end in time.

        Args:
            handle: The child.
            timeout: Seconds; no limit when left out.
        Returns: the child's outputs
        """
        outcomes = await self.context.join(call, [handle], until="all", timeout=timeout)
        if outcomes is None:
            raise PrimitiveError(f"the child {handle} did not end within {timeout:g} s; it goes on")
        return self._result(outcomes[0])

    @operation()
    async def wait_any(self, call: Call, handles: Rows, timeout: Timeout | None = None) -> object:
        """Waits until one of the children has ended. An empty list raises; so does a timeout, which cancels nothing.

        Args:
            handles: The children.
            timeout: Seconds; no limit when left out.
        Returns: the handle of the first in list order that has ended; its outputs, or `{success = false, error,
            status}`
        """
        names = self._handles("wait_any", handles)
        if not names:
            raise self.refuse("wait_any", "the list of handles is empty")
        outcomes = await self.context.join(call, names, until="any", timeout=timeout)
        if outcomes is None:
            raise PrimitiveError(f"none of the {len(names)} children ended within {timeout:g} s; they go on")
        first = next(outcome for outcome in outcomes if outcome.status.ended)
        return first.handle, self._outputs(first)

    @operation()
    async def wait_all(self, call: Call, handles: Rows, timeout: Timeout | None = None) -> Value:
        """Waits until all children have ended. A timeout raises and cancels nothing.

        Args:
            handles: The children.
            timeout: Seconds; no limit when left out.
        Returns: a table by handle: outputs, or `{success = false, error, status}` for one that failed
        """
        names = self._handles("wait_all", handles)
        outcomes = await self.context.join(call, names, until="all", timeout=timeout) if names else []
        if outcomes is None:
            raise PrimitiveError(f"not all of the {len(names)} children ended within {timeout:g} s; they go on")
        return table_of({outcome.handle: self._outputs(outcome) for outcome in outcomes})

    @operation()
    async def is_complete(self, call: Call, handle: str) -> bool:
        """Whether a child has ended; polling is throttled as for `status`.

        Args:
            handle: The child.
        Returns: a boolean
        """
        return (await self._poll(call, [handle]))[0].status.ended

    @operation()
    async def all_complete(self, call: Call, handles: Rows) -> bool:
        """Whether all children have ended; polling is throttled as for `status`.

        Args:
            handles: The children.
        Returns: a boolean
        """
        names = self._handles("all_complete", handles)
        return all(outcome.status.ended for outcome in await self._poll(call, names))

    @operation()
    async def inject(self, call: Call, handle: str, message: str) -> bool:
        """Sends a child a message, delivered at its next operation or effect.

        Args:
            handle: The child.
            message: The text.
        Returns: false when the child has ended or 100 messages wait undelivered
        """
        return self.context.send_child(call, handle, message)

    @operation()
    async def cancel(self, call: Call, handle: str) -> bool:
        """Cancels a child and its children, waits included.

        Args:
            handle: The child.
        Returns: false when it had ended already
        """
        return self.context.cancel_child(call, handle)

    @operation(local_only=True)
    async def restart(self, call: Call, params: Record | None = None) -> None:
        """Ends this attempt and begins the procedure anew under the same run id with a fresh journal: for loops that
        never end. Its earlier attempts stay readable. It does not return.

        Args:
            params: The new parameters; those of this attempt when left out.
        """
        self.context.restart(call, self.context.fold.params if params is None else dict(params))

    async def _poll(self, call: Call, handles: Sequence[str]) -> list[ChildOutcome]:
        children = self.context.children(handles)
        if self.context.fold.polls.unchanged >= POLLS:
            await self.context.join(call, handles, until="change", timeout=POLL_SECONDS)
            children = self.context.children(handles)
        return children

    def _handles(self, method: str, rows: Rows) -> list[str]:
        for index, item in enumerate(rows, 1):
            if not isinstance(item, str):
                raise self.refuse(method, f"handle {index} must be a string, got {describe(item)}")
        return [str(item) for item in rows]

    def _result(self, outcome: ChildOutcome) -> Value:
        if outcome.status is RunStatus.COMPLETED:
            return outcome.result
        raise ChildError(self._error(outcome))

    def _outputs(self, outcome: ChildOutcome) -> Value:
        if outcome.status is RunStatus.COMPLETED:
            return outcome.result
        return {"success": False, "error": self._error(outcome), "status": outcome.status.value}

    def _error(self, outcome: ChildOutcome) -> Value:
        if outcome.error is not None:
            return outcome.error
        return (
            f"the child {outcome.handle} was cancelled" if outcome.status is RunStatus.CANCELLED else "the child failed"
        )


_SHOWN_AS_RUNNING = frozenset({RunStatus.WAITING_FOR_CHILD, RunStatus.BLOCKED})
"""States that the language does not name for a child."""
