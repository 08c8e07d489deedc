"""`proc-tui config`: the settings in effect."""

from __future__ import annotations

import sys

import click

from ...core.model import settings
from ...core.model.trust import without_secrets
from ..clean import oneline
from ..console.output import paint, say, say_json, tell
from ..console.table import table, width
from ..console.workspace import Workspace, json_option, pass_workspace
from ..readable import brief

_SECRET = ("token", "secret", "password", "api_key", "authorization")


@click.command("config")
@click.option("--path", is_flag=True, help="Print the configuration files only, the stronger one last.")
@json_option
@pass_workspace
def config_command(workspace: Workspace, path: bool, as_json: bool) -> int:
    """Show every setting with its value and where it comes from."""
    files = settings.config_files(workspace.folder)
    if path:
        for file in files:
            if as_json:
                say_json({"file": str(file), "exists": file.exists()})
            else:
                say(f"{oneline(file)}{'' if file.exists() else '  (not there)'}")
        return 0
    found = settings.explain(workspace.folder)
    if as_json:
        for item in found:
            say_json({"key": item.key, "value": shown(item.key, item.value), "origin": item.origin})
        return 0
    rows = [(oneline(item.key), brief(shown(item.key, item.value)), oneline(item.origin)) for item in found]  # pyright: ignore[reportArgumentType] - TOML data
    for item, line in zip(
        found, table(rows, width=width(terminal=sys.stdout.isatty()), flexible=1, indent=0), strict=True
    ):
        say(paint(line, "quiet") if item.origin == "default" else line)
    tell(f"workspace: {oneline(workspace.folder)}; files: {', '.join(oneline(file) for file in files)}")
    return 0


def shown(key: str, value: object) -> object:
    """The value, or stars for what looks like a secret."""
    parts = key.casefold().split(".")
    if parts[-1] in ("url", "base_url") and isinstance(value, str):
        return without_secrets(value)
    given = any(part in ("env", "headers") for part in parts[:-1])
    named = any(word in parts[-1] for word in _SECRET) and not parts[-1].endswith(("_env", "_keyring", "max_tokens"))
    return "***" if isinstance(value, str) and value and (given or named) else value
