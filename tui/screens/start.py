"""Starting a run. (A stand-in: a procedure is picked and started with its defaults; the form is to come.)"""

from __future__ import annotations

from .dialogs import Choice, PickDialog


class StartScreen(PickDialog):
    """Which procedure, with which parameters."""

    def __init__(self, procedure: str | None) -> None:
        super().__init__("Start a run", [], typing=procedure is None, placeholder="a procedure")
        self._procedure: str | None = procedure

    def on_mount(self) -> None:
        """Lists the procedures, or starts the one that was named."""
        if self._procedure is not None:
            self.call_after_refresh(self._start, self._procedure)
        self._list._all = [Choice(name, name, path.name) for name, path in sorted(self.proc.operator.procedures().items())]  # pyright: ignore[reportPrivateUsage] - a list of its own
        self._list.narrow("")

    def action_choose(self) -> None:
        """Starts it."""
        if self._list.picked is not None:
            self._start(self._list.picked.key)

    def _start(self, name: str) -> None:
        proc = self.proc
        self.dismiss(None)

        def started(run: str) -> None:
            proc.say(f"started {name}")
            proc.go_to_run(run)

        proc.act(lambda: proc.operator.start(name).id, started)
