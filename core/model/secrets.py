"""Keys and other secrets: where they are read, and how they are kept out of everything that people read.

Belongs here: reading the environment and the keyring, `${NAME}`, and taking secrets out of text and data. Never:
writing a secret anywhere. The rest of the program gets secrets from here only: only what was handed out here, or is
`expected`, is redacted.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlsplit

from ..errors import Blocked, did_you_mean
from ..values import as_bytes, tag_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ..values import Value

OWN_PYTHON = "PROC_TUI_PYTHON"
"""The variable that always means the Python that runs proc-tui."""
REDACTED = "***"
SHORTEST = 4
"""Characters below which a value is not redacted: it would be found in every other word, and protects nothing."""
SHORTEST_IN_DATA = 8
"""The same for what tools give back, where a change does more harm than in a message."""
OPEN = frozenset({
    "HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "PYTHONPATH", "SHELL", "TEMP", "TERM", "TMP", "TMPDIR", "TZ",
    "USER", "VIRTUAL_ENV", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME",
})  # fmt: skip
"""Variables that are no secrets; redacting a home folder would make most messages useless."""

_ESCAPED = re.compile("%([0-9A-F]{2})")
_PLACES = ("/", "~", "./", "../")
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def variables_in(text: str) -> list[str]:
    """The names of the environment variables that a text of the configuration asks for, as `${NAME}`."""
    return _NAME.findall(text)


class Secrets:
    """Hands out the secrets of this worker, and takes them out of texts again. Any thread may call it."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._given: Mapping[str, str] | None = environment
        self._lock: threading.Lock = threading.Lock()
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._pattern_in_data: re.Pattern[str] | None = None

    def environment(self, name: str) -> str:
        """The value of an environment variable. Raises `Blocked` when it is not set, or empty."""
        if name == OWN_PYTHON:
            return sys.executable
        variables = os.environ if self._given is None else self._given
        value = variables.get(name, "")
        if not value:
            near = did_you_mean(name, [known for known, text in variables.items() if text])
            raise Blocked(f"needs {name} on this worker; set it in the environment of proc-tui{near}")
        if name not in OPEN:
            self.remember(value)
        return value

    def keyring(self, place: str) -> str:
        """The password of `service/name` in the system's keyring; may wait for a person to unlock it.

        Raises `Blocked` when there is none, or no keyring.
        """
        service, slash, name = place.partition("/")
        if not (service and slash and name):
            raise Blocked(f'needs a key from the keyring, but "{place}" is not of the form service/name')
        import keyring  # noqa: PLC0415  # slow to import, and few need it
        from keyring.errors import KeyringError  # noqa: PLC0415

        try:
            value = keyring.get_password(service, name)
        except (KeyringError, OSError, RuntimeError) as error:
            reason = self.redact(str(error)) or type(error).__name__
            raise Blocked(f"needs {place} from the keyring of this worker, which cannot be read: {reason}") from None
        if not value:
            raise Blocked(f"needs {place} in the keyring of this worker; store it with: keyring set {service} {name}")
        self.remember(value)
        return value

    def expand(self, text: str) -> str:
        """The text with every `${NAME}` replaced by that variable. Raises `Blocked` as `environment` does."""
        return _NAME.sub(lambda match: self.environment(match[1]), text)

    def redact(self, text: str) -> str:
        """The text with every secret that was ever handed out replaced, also where it is escaped as in JSON or a URL.

        Redact before shortening: a secret that was cut in two is not found.
        """
        pattern = self._pattern
        return text if pattern is None else pattern.sub(REDACTED, text)

    def expected(self, names: Iterable[str]) -> None:
        """Redacts the values of these environment variables from now on, where they are set."""
        variables = os.environ if self._given is None else self._given
        for name in names:
            if name not in OPEN:
                self.remember(variables.get(name, "").strip())

    @property
    def hides_data(self) -> bool:
        """Whether `redact_data` changes anything at all."""
        return self._pattern_in_data is not None

    def redact_data(self, value: Value) -> Value:
        """The same data without secrets, in its keys too, where those that would be the same then are numbered.

        Variables also hold what is no secret, and data with `***` in its place would be of no use: folders and files
        that exist, addresses without a password, and what is shorter than a key stay in it.
        """
        pattern = self._pattern_in_data
        return value if pattern is None else _replaced(value, pattern)

    def remember(self, value: str) -> None:
        """Redacts a secret from now on that came from elsewhere, an address with a password for example."""
        with self._lock:
            if value in self._known or len(value) < SHORTEST:
                return
            self._known.add(value)
            self._pattern = _any_of(self._known)
            self._pattern_in_data = _any_of({known for known in self._known if not _is_data(known)})

    def __repr__(self) -> str:
        return f"Secrets({len(self._known)} handed out)"


def _any_of(values: Collection[str]) -> re.Pattern[str] | None:
    """Finds each of the values in each of its forms, and the longest of them first."""
    forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
    longest_first = sorted(forms, key=len, reverse=True)
    if not forms:
        return None
    return re.compile("|".join(_ESCAPED.sub(r"%(?i:\1)", re.escape(form)) for form in longest_first))


def _is_data(value: str) -> bool:
    """Whether a value is what tools give back although no one has to hide it."""
    if len(value.strip()) < SHORTEST_IN_DATA:
        return True
    try:
        parts = urlsplit(value)
        if parts.scheme in ("http", "https") and parts.hostname:
            return not (parts.username or parts.password or parts.query)
        return value.startswith(_PLACES) and Path(value).expanduser().exists()
    except (ValueError, OSError, RuntimeError):
        return False


def _replaced(value: Value, pattern: re.Pattern[str]) -> Value:
    if isinstance(value, str):
        return pattern.sub(REDACTED, value)
    if isinstance(value, list):
        return [_replaced(item, pattern) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and (raw := as_bytes(value)) is not None:  # a string that is not UTF-8
            text = pattern.sub(REDACTED, raw.decode(errors="surrogateescape"))
            return tag_bytes(text.encode(errors="surrogateescape"))
        names = _names(value, pattern)
        return {names[key]: _replaced(item, pattern) for key, item in value.items()}
    return value


def _names(keys: Iterable[str], pattern: re.Pattern[str]) -> dict[str, str]:
    """The keys of a table without secrets, by what they were; no two are the same."""
    names = {key: pattern.sub(REDACTED, key) for key in keys}
    taken = {name for key, name in names.items() if name == key}
    for key, name in names.items():
        number, free = 1, name
        while free != key and free in taken:
            number += 1
            free = f"{name} ({number})"
        taken.add(free)
        names[key] = free
    return names


def _forms(value: str) -> Iterator[str]:
    """How a value looks where it is written down: plain, in JSON, in JSON within JSON, in a URL, in Python's `repr`, in
    base64, which is how tools give what is no text."""
    plain = {value, value.strip()}
    for text in plain:
        for ascii_only in (True, False):
            escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            yield from (escaped, escaped.replace("/", "\\/"), json.dumps(escaped, ensure_ascii=ascii_only)[1:-1])
        yield from (quote(text), quote(text, safe=""), quote_plus(text))
        yield from (text, repr(text)[1:-1])
        yield from _in_base64(text.encode(errors="replace"))


def _in_base64(secret: bytes) -> Iterator[str]:
    """What base64 makes of a secret after 0, 1 and 2 bytes of something else, without the letters that both share."""
    if len(secret) < SHORTEST_IN_DATA:
        return
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret).decode()
        text = text[-(-before * 4 // 3) : (before + len(secret)) * 4 // 3]
        yield from (text, text.replace("+", "-").replace("/", "_"))
