"""`proc-tui doctor`: what is wrong with this machine, terminal or workspace, and what to do about it."""

from __future__ import annotations

import click

from ..clean import oneline
from ..console.output import Meaning, paint, say, say_json, tell
from ..console.workspace import Workspace, json_option, pass_workspace
from ..diagnosis import examine
from ..findings import Finding, Level

_MARKS: dict[Level, tuple[str, Meaning]] = {"ok": ("ok  ", "good"), "note": ("note", "waits"), "wrong": ("!!  ", "bad")}


@click.command("doctor")
@json_option
@pass_workspace
def doctor_command(workspace: Workspace, as_json: bool) -> int:
    """Look at Python, the libraries, the database, the clock, the terminal, workers, the disk, models and tools.

    Models are asked what they offer, which costs nothing; tools are started, if you agreed to them. Exit code 1 when
    something is wrong.
    """
    found: list[Finding] = []
    for finding in examine(workspace.folder):
        found.append(finding)
        if as_json:
            say_json(
                {"check": finding.name, "level": finding.level, "text": finding.text, "advice": finding.advice or None}
            )
            continue
        mark, meaning = _MARKS[finding.level]
        say(f"{paint(mark, meaning)} {finding.name}: {oneline(finding.text)}")
        if finding.advice:
            say(f"     {paint(oneline(finding.advice), 'quiet')}")
    wrong = sum(finding.level == "wrong" for finding in found)
    if not as_json:
        tell(f"{wrong} wrong" if wrong else "nothing is wrong")
    return 1 if wrong else 0
