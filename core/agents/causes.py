"""What the libraries raise when a reply fails, as `Failure`.

Belongs here: telling their exceptions and the many shapes of servers' errors apart. Imports the libraries, like
`chat.py`, which alone uses it. Never: words for people, which are in `failures.py`.
"""

from __future__ import annotations

import email.utils
import json
import re
import socket
import ssl
from typing import TYPE_CHECKING, cast

import httpx2
import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.exceptions import ModelError as LangChainModelError

from .failures import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TROUBLE = (
    LangChainModelError, openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError,
    ValueError, LookupError, TypeError, AttributeError,
)  # fmt: skip
"""What comes out of the libraries when a server misbehaves: JSON and validation errors are ValueErrors, and a shape
that nobody expected is one of the last three."""
PAGE = "proc-tui-page"
"""The code of the error that `chat.py` makes of a web page."""


def failure_of(error: Exception, *, idle: float, now: float) -> Failure:
    """What the libraries raised, as what happened. `idle` is the timeout between bytes, `now` what a clock says."""
    if isinstance(error.__cause__, Failure):
        return error.__cause__
    match error:
        case openai.APIStatusError():
            after = retry_after(error.response.headers, now)
            text, code = _spoken(error.body)
            if isinstance(error, ContextOverflowError):
                code = "context_length_exceeded"
            return Failure("status", text, status=error.status_code, code=code, retry_after=after)
        case openai.APIConnectionError() | httpx2.RequestError() | OSError():
            return _connection_failure(error, idle)
        case openai.APIResponseValidationError():
            return Failure("rubbish", error.message)
        case openai.APIError():
            text, code = _spoken(error.body)
            if code == PAGE:
                return Failure("page", text)
            return Failure("stream", text or error.message, status=int(code) if code.isdecimal() else 0, code=code)
        case json.JSONDecodeError():
            return Failure("rubbish", f"{error.msg} in {error.doc}")
        case ValueError() if type(error) is ValueError:
            # How the library reports a failure within a reply in OpenAI's newer protocol.
            found = re.match(r"(\w+): |ResponseError\(code='(\w+)'", str(error))
            return Failure("stream", str(error), code=(found[1] or found[2]) if found else "")
        case _:
            return Failure("rubbish", f"{type(error).__name__}: {error}")


def _spoken(body: object) -> tuple[str, str]:
    """The message and the code of an error as servers write them: many shapes of one idea."""
    if isinstance(body, str):
        return ("a web page" if body.lstrip()[:1] == "<" else body), ""
    if isinstance(body, list) and body:
        return _spoken(cast("list[object]", body)[0])
    if not isinstance(body, dict):
        return "", ""
    table = cast("dict[str, object]", body)
    inner = table.get("error")
    if isinstance(inner, dict):
        return _spoken(cast("object", inner))
    said = table.get("message") or inner or table.get("detail") or ""
    text = said if isinstance(said, str) else json.dumps(said)
    return text, str(table.get("code") or table.get("type") or "")


def _connection_failure(error: Exception, idle: float) -> Failure:
    causes: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and len(causes) < 10:
        causes.append(step)
        step = step.__cause__ or step.__context__
    text = next((str(cause) for cause in causes if isinstance(cause, httpx2.RequestError) and str(cause)), "")
    # From the most particular cause on: each is wrapped in a more general one.
    kinds = [type(cause) for cause in causes]
    if _any(kinds, socket.gaierror):
        return Failure("unknown_host", text)
    if _any(kinds, ssl.SSLCertVerificationError):
        return Failure("untrusted", text)
    if _any(kinds, ssl.SSLError):
        return Failure("refused", f"{text} (is it http instead of https?)")
    if _any(kinds, httpx2.ConnectTimeout):
        return Failure("refused", "it did not answer in time")
    if _any(kinds, httpx2.TimeoutException):
        return Failure("silent", f"for {idle:g} s")
    if _any(kinds, httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol):
        return Failure("refused", text)
    return Failure("broken", text)


def _any(kinds: Sequence[type], *wanted: type) -> bool:
    return any(issubclass(kind, wanted) for kind in kinds)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that a server asks to wait, in each way in which servers say that (RFC 9110, 10.2.3).

    A date counts from the server's own clock when it sends that. None when it does not say, or in no known form.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    until = _moment(headers.get("retry-after", ""))
    if until is None:
        return None
    return max(0.0, until - (_moment(headers.get("date", "")) or now))


def _moment(text: str) -> float | None:
    parts = email.utils.parsedate_tz(text)
    return None if parts is None else float(email.utils.mktime_tz(parts))
