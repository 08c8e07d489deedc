"""Why a server gave no reply, in words for a person.

Belongs here: what happened, whether it may pass, and what to do. Never: a library's exceptions, which `causes.py` turns
into `Failure`, or retrying.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from ..errors import ModelError

if TYPE_CHECKING:
    from ..model.secrets import Secrets

Kind = Literal[
    "refused", "unknown_host", "untrusted", "silent", "broken", "rubbish", "status", "stream", "page", "endless"
]
"""`status`: the server answered with an error. `stream`: it sent one within a reply. `page`: it answered with HTML.
`endless`: its reply was larger than any that is kept."""

LONGEST = 500
"""Characters of a server's own words in a message."""

QUOTA = (
    "insufficient_quota", "billing_hard_limit", "billing_not_active", "insufficient balance", "insufficient credit",
    "credit balance", "out of credit",
)  # fmt: skip
"""Particular on purpose: of a limit by the minute, too, some servers say that it exceeds the current quota."""
CONTEXT = (
    "context_length", "context length", "context window", "context size", "contextwindow", "prompt is too long",
    "input is too long", "input tokens exceed", "exceeds the maximum number of tokens", "too many tokens",
)  # fmt: skip
PASSING = {408, 409, 425, 429}
"""Refusals that may pass."""
LASTING = ("invalid", "not_found", "authentication", "permission", "unsupported", "content_filter", "content_policy")
"""Parts of the codes of errors within a stream that the same request would meet again."""


class Failure(Exception):
    """What went wrong with a request, without the traces of a library, which hold the key."""

    def __init__(
        self, kind: Kind, text: str = "", *, status: int = 0, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(kind, text)
        self.kind: Kind = kind
        self.text: str = text
        """The server's own words, or the system's."""
        self.status: int = status
        self.code: str = code
        self.retry_after: float | None = retry_after


class Place(msgspec.Struct, frozen=True):
    """Which model it was, for messages."""

    section: str
    """Of the configuration: `models.main`."""
    model: str
    address: str
    key: str
    """Where the key came from: `OPENAI_API_KEY`, `the keyring entry a/b`; empty when there is none."""


def explain(failure: Failure, place: Place, secrets: Secrets) -> ModelError:
    """The error for the person and the engine: what happened, whether it may pass, what to do."""
    text, retryable = _explained(failure, place, spoken(failure.text, secrets))
    return ModelError(secrets.redact(text), retryable=retryable, retry_after=failure.retry_after if retryable else None)


def spoken(text: str, secrets: Secrets) -> str:
    """A server's words on one line, without secrets or terminal codes, of bearable length."""
    line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", secrets.redact(text)).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _explained(failure: Failure, place: Place, said: str) -> tuple[str, bool]:
    tail = f": {said}" if said else ""
    config = f"[{place.section}] in config.toml"
    match failure.kind:
        case "refused":
            return (
                f"cannot connect to {place.address}{tail}; is the server running there? It is base_url of {config}",
                True,
            )
        case "unknown_host":
            return (
                f"no server is known by the name in {place.address}{tail}; check base_url of {config}, and the network",
                True,
            )
        case "untrusted":
            return (
                f"the certificate of {place.address} is not trusted{tail}; set SSL_CERT_FILE to the authority's file",
                False,
            )
        case "silent":
            return (
                f"no sign of life from {place.address} {said}; if it is only slow, raise idle_timeout of {config}",
                True,
            )
        case "broken":
            return f"the connection broke: {said or 'the reply of ' + place.address + ' has no end'}", True
        case "rubbish":
            return (
                f"{place.address} does not speak the OpenAI protocol{tail}; if that lasts, check base_url of {config}",
                True,
            )
        case "page":
            return (
                f"{place.address} answered with a web page{tail}; check base_url of {config}: it usually ends in /v1",
                False,
            )
        case "endless":
            return (
                f"the reply of {place.address} has no end in sight: it was left at {said}; lower max_tokens of the "
                f"agent or of {config}, or use another model",
                False,
            )
        case "status" | "stream":
            return _refusal(failure, place, said)


def _refusal(failure: Failure, place: Place, said: str) -> tuple[str, bool]:
    status, by = failure.status, f"by {place.address}"
    number = f" ({status})" if status else ""
    tail = f": {said}" if said else ""
    config = f"[{place.section}] in config.toml"
    hints = f"{failure.code} {failure.text}".lower()
    key = f"the key in {place.key}" if place.key else "a request without a key"
    another = f"set {place.key} to a key of that server" if place.key else f"set api_key_env of {config}"
    if status == 402 or (status in {0, 403, 429} and any(hint in hints for hint in QUOTA)):
        return (
            f"the account of {key} has no quota left{number} at {place.address}{tail}; add credit or use another model",
            False,
        )
    if status == 413 or (status in {0, 400, 422, 500} and any(hint in hints for hint in CONTEXT)):
        return (
            f"the conversation is too long for the model {place.model}{number} at {place.address}{tail}; "
            "give the agent a filter, for example TokenBudget{max_tokens=...}"
        ), False
    if status == 401:
        return f"{key} was refused (401) {by}{tail}; {another}", False
    if status == 403:
        return (
            f"{key} may not use the model {place.model} (403) at {place.address}{tail}; {another} or use another model",
            False,
        )
    if status == 404:
        return (
            f"{place.address} does not know the model {place.model} (404){tail}; check model and base_url of {config} "
            "(base_url usually ends in /v1)"
        ), False
    if status == 429:
        wait = f", to wait for {failure.retry_after:g} s" if failure.retry_after is not None else ""
        return f"{place.address} asks to slow down (429){wait}{tail}", True
    if status >= 500:
        return f"{place.address} failed{number}{tail}", status != 501
    if failure.kind == "stream" and (
        status in PASSING or not (status or any(part in failure.code for part in LASTING))
    ):
        return f"{place.address} broke off the reply{number}{tail}", True
    if status in PASSING:
        return f"{place.address} did not take the request now{number}{tail}", True
    return (
        f"{place.address} refused the request{number}{tail}; check model, temperature, max_tokens and reasoning_effort "
        f"of the agent and of {config}"
    ), False
