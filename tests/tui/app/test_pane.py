from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Stage

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("theme", ["proc-dark", "proc-light"])
def test_empty_panes_say_so(stage: Stage, snap_compare: Any, theme: str) -> None:
    stage.play_now("return 1", name="quick")
    assert snap_compare(stage.app(theme=theme), terminal_size=(150, 40), run_before=stage.after("5"))


@pytest.mark.parametrize("theme", ["proc-dark", "proc-light"])
def test_panes_that_load_or_cannot_be_read_say_so(stage: Stage, snap_compare: Any, theme: str) -> None:
    stage.play_now('Log.info("x")', name="quick")

    def broken(app: Any) -> None:
        app.screen.panel.pane("log").say("reading…", "loading")
        text = "the database is locked by another program (process 4711), and was for 5 seconds; try again"
        app.screen.panel.pane("state").say(text, "error")

    assert snap_compare(stage.app(theme=theme), terminal_size=(150, 40), run_before=stage.after("7", "3", broken))
