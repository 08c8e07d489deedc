"""`proc-tui serve`: the interface in a browser on this machine."""

from __future__ import annotations

import click

from ..console.output import say, tell
from ..console.workspace import Workspace, pass_workspace


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: one that is free]")
@click.option("--open", "opening", is_flag=True, help="Open the address in your browser.")
@pass_workspace
def serve_command(workspace: Workspace, port: int, opening: bool) -> int:
    """Serve the interface to a browser on this machine, at an address that is printed and works once.

    Only this machine can connect, and of its users only who knows the address; the browser keeps a cookie, so that it
    can reload. Over SSH, forward the port: ssh -L PORT:127.0.0.1:PORT. ^C ends it, and lets go of the runs.
    """
    try:
        from ..serving import ProcServer
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] not in ("textual_serve", "aiohttp", "aiohttp_jinja2"):
            raise
        raise click.UsageError("it needs textual-serve, which is missing here: pip install textual-serve") from None

    def started(address: str) -> None:
        say(address)
        tell("open it in a browser on this machine; it works once (^C ends)")
        if opening:
            click.launch(address)

    try:
        server = ProcServer(workspace.folder, port, started)
    except OSError as error:
        raise click.UsageError(f"cannot listen on port {port}: {error.strerror or error}") from None
    server.serve()
    return 0
