"""`proc-tui completion`: how to set up completion in the shell."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..console.output import say, tell

SHELLS = ("bash", "zsh", "fish")
_LINES = {
    "bash": ("~/.bashrc", 'eval "$(_PROC_TUI_COMPLETE=bash_source proc-tui)"'),
    "zsh": ("~/.zshrc", 'eval "$(_PROC_TUI_COMPLETE=zsh_source proc-tui)"'),
    "fish": ("~/.config/fish/completions/proc-tui.fish", "_PROC_TUI_COMPLETE=fish_source proc-tui | source"),
}


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS), required=False)
def completion_command(shell: str | None) -> int:
    """Print the line that sets up completion in SHELL, and say where it belongs.

    Commands, options, procedures, runs and requests are completed.
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in _LINES:
        raise click.UsageError(f"which shell? give one of {', '.join(SHELLS)}")
    file, line = _LINES[name]
    say(line)
    tell(f"Put this line into {file}, for example: proc-tui completion {name} >> {file}")
    return 0
