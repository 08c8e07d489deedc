"""The models that a workspace configures.

Belongs here: which model a name means, its key, and one instance of each. Never: what a model does.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import Blocked, PrimitiveError, did_you_mean
from ..model.settings import DEFAULT_KEY
from ..model.trust import TrustRecord, programs
from .openai import OpenAIModel
from .prices import cost

if TYPE_CHECKING:
    from pathlib import Path

    from ..model.clock import Clock
    from ..model.messages import Usage
    from ..model.secrets import Secrets
    from ..model.settings import ModelSettings, Settings
    from .model import Model


class Models:
    """The configured models by name. Any thread may call `get`; the coroutines belong to one event loop."""

    def __init__(
        self, settings: Settings, secrets: Secrets, *, clock: Clock | None = None, workspace: Path | None = None
    ) -> None:
        """With a `workspace`, models that its own configuration sends things to are used once its user agreed."""
        self._workspace: Path | None = workspace
        self._settings: Settings = settings
        self._secrets: Secrets = secrets
        self._clock: Clock | None = clock
        self._lock: threading.Lock = threading.Lock()
        self._opened: dict[str, OpenAIModel] = {}
        self._opening: dict[str, threading.Lock] = {}
        """Held while a model is opened, which may wait for a person: no one is asked twice, no other model waits."""

    @property
    def names(self) -> list[str]:
        """The names in the configuration."""
        return list(self._settings.models)

    def resolve(self, name: str | None) -> str:
        """The name of the model that is meant; None or nothing means the default. Raises `PrimitiveError`."""
        models = self._settings.models
        wanted = name or self._settings.default_model or (next(iter(models)) if len(models) == 1 else "")
        if wanted in models:
            return wanted
        if not models:
            raise PrimitiveError(
                (f'there is no model "{name}": ' if name else "") + "no model is configured; put for example "
                '[models.main] with model = "gpt-5-mini" into .proc-tui/config.toml, or script its replies: --replies'
            )
        known = f"configured are {', '.join(models)}"
        if not wanted:
            raise PrimitiveError(
                f"which model is meant? {known}; set default_model in config.toml, or the agent's model"
            )
        where = "the agent's model is " if name else "default_model says "
        raise PrimitiveError(
            f'{where}"{wanted}", but there is no [models.{wanted}] in config.toml'
            + (did_you_mean(wanted, models) or f"; {known}")
        )

    def get(self, name: str | None) -> Model:
        """The model of this name, or the default one. The first time it may wait for a keyring.

        Raises `PrimitiveError` that says what to set when it is not configured, `Blocked` when its key is missing here.
        """
        return self._model(self.resolve(name))

    def price(self, name: str | None, usage: Usage) -> float | None:
        """US dollars for the tokens, when the configured model answered; None when not known."""
        settings = self._settings.models[self.resolve(name)]
        return cost(settings.model, usage, settings)

    async def check(self, name: str | None) -> str | None:
        """What is wrong with a configured model, within 5 s and without a paid call; None when nothing is."""
        try:
            model = self._model(self.resolve(name))
        except (PrimitiveError, Blocked) as error:
            return str(error)
        return await model.check()

    async def aclose(self) -> None:
        """Closes the connections of this event loop."""
        for model in list(self._opened.values()):
            await model.aclose()

    def _model(self, name: str) -> OpenAIModel:
        with self._lock:
            opening = self._opening.setdefault(name, threading.Lock())
        with opening:
            found = self._opened.get(name)
            if found is None:
                settings = self._settings.models[name]
                self._check_agreed(name)
                _check_address(name, settings.base_url)
                key, origin = self._key(name, settings)
                found = OpenAIModel(name, settings, secrets=self._secrets, key=key, key_from=origin, clock=self._clock)
                self._opened[name] = found
            return found

    def _check_agreed(self, name: str) -> None:
        if self._workspace is None or TrustRecord().trusts(self._workspace):
            return
        for item in programs(self._workspace):
            if (item.section, item.name) == ("models", name):
                raise Blocked(
                    f'the configuration of this workspace {item.command} for model "{name}"; look at it, and agree '
                    "with: proc-tui trust"
                )

    def _key(self, name: str, settings: ModelSettings) -> tuple[str, str]:
        """The key and where it is from; OpenAI's own key goes to no other server."""
        variable = settings.api_key_env or ("" if settings.base_url else DEFAULT_KEY)
        try:
            if settings.api_key_keyring:
                origin = f"the keyring entry {settings.api_key_keyring}"
                key = self._secrets.keyring(settings.api_key_keyring).strip()
            elif variable:
                origin, key = variable, self._secrets.environment(variable).strip()
            else:
                return "", ""
        except Blocked as error:
            raise Blocked(f'model "{name}" {error}') from None
        if not (key and key.isascii() and key.isprintable()):
            raise Blocked(
                f'model "{name}": what is in {origin} is no key: it has characters that no key has; set it again'
            )
        return key, origin


def _check_address(name: str, url: str) -> None:
    try:
        fits = not url or (urlsplit(url).scheme in {"http", "https"} and bool(urlsplit(url).hostname))
    except ValueError:
        fits = False
    if not fits:
        raise PrimitiveError(f'base_url of [models.{name}] is no address; write for example "http://127.0.0.1:8080/v1"')
