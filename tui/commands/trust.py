"""`proc-tui trust`: agreeing to the programs that a workspace's configuration would start."""

from __future__ import annotations

import sys
import time

import click

from ...core.model.trust import TrustRecord, programs
from ..clean import oneline
from ..console.agreement import QUESTION, described
from ..console.output import say, say_json, tell
from ..console.workspace import Workspace, json_option, pass_workspace
from ..words import moment, stamp


@click.command("trust")
@click.option("--list", "listing", is_flag=True, help="List the workspaces that you trust.")
@click.option("--revoke", is_flag=True, help="Trust this workspace no longer.")
@click.option("-y", "--yes", is_flag=True, help="Agree without being asked.")
@json_option
@pass_workspace
def trust_command(workspace: Workspace, listing: bool, revoke: bool, yes: bool, as_json: bool) -> int:
    """Show the programs that this workspace's configuration would start (mcpServers, pythonTools), and agree to them.

    What you agree to is kept in your own folder, by a digest: when a command changes, you are asked again; a script
    behind it may change without. Exit code 0 when the workspace is trusted, 1 when it is not.
    """
    record = TrustRecord()
    if listing:
        for item in record.all():
            if as_json:
                say_json(
                    {
                        "workspace": item.workspace,
                        "digest": item.digest,
                        "at": stamp(item.at),
                        "commands": item.commands,
                    }
                )
            else:
                say(f"{oneline(item.workspace)}  since {moment(item.at)}")
                for command in item.commands:
                    say(f"  {oneline(command)}")
        return 0
    if revoke:
        was = record.revoke(workspace.folder)
        if as_json:
            say_json({"workspace": str(workspace.folder), "trusted": False})
        else:
            tell(f"{oneline(workspace.folder)} {'is no longer trusted' if was else 'was not trusted'}")
        return 0
    found, trusted = programs(workspace.folder), record.trusts(workspace.folder)
    if not as_json:
        for line in described(found):
            say(line)
    if not found:
        verdict = f"{oneline(workspace.folder)} does nothing that has to be agreed to"
    elif trusted:
        verdict = "trusted already"
    elif yes or (not as_json and sys.stdin.isatty() and click.confirm(QUESTION, err=True)):
        record.agree(workspace.folder, time.time())
        trusted, verdict = True, "trusted; a changed command asks again"
    else:
        verdict = "not trusted; agree with: proc-tui trust --yes"
    if as_json:
        rows = [{"section": item.section, "name": item.name, "command": item.command} for item in found]
        say_json({"workspace": str(workspace.folder), "trusted": trusted, "programs": rows})
    else:
        tell(verdict)
    return 0 if trusted else 1
