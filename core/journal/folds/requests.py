"""The requests that a run posted to people, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.states import RequestStatus
from ...values import Value

if TYPE_CHECKING:
    from ..events import Record, RequestCancelled, Requested, RequestTimedOut, Responded


class Request:
    """A request with its present state."""

    __slots__ = ("answer", "by", "event", "posted_at", "resolved_at", "seq", "status")

    def __init__(self, event: Requested, record: Record) -> None:
        self.event: Requested = event
        self.seq: int = record.seq
        self.posted_at: float = record.at
        self.status: RequestStatus = RequestStatus.PENDING
        self.answer: dict[str, Value] | None = None
        self.by: str = ""
        self.resolved_at: float | None = None


class RequestFold:
    """What the request cards read; a re-entered operation finds here what it had posted."""

    def __init__(self) -> None:
        self.requests: dict[str, Request] = {}

    @property
    def pending(self) -> list[Request]:
        """The requests that still wait for a person."""
        return [item for item in self.requests.values() if item.status is RequestStatus.PENDING]

    def _apply_requested(self, event: Requested, record: Record) -> None:
        self.requests[event.request] = Request(event, record)

    def _apply_responded(self, event: Responded, record: Record) -> None:
        item = self._resolve(event.request, RequestStatus.ANSWERED, record)
        if item is not None:
            item.answer, item.by = event.answer, event.by
            item.resolved_at = event.answered_at or record.at

    def _apply_request_timed_out(self, event: RequestTimedOut, record: Record) -> None:
        self._resolve(event.request, RequestStatus.TIMED_OUT, record)

    def _apply_request_cancelled(self, event: RequestCancelled, record: Record) -> None:
        self._resolve(event.request, RequestStatus.CANCELLED, record)

    def _resolve(self, request: str, status: RequestStatus, record: Record) -> Request | None:
        item = self.requests.get(request)
        if item is not None:
            item.status, item.resolved_at = status, record.at
        return item
