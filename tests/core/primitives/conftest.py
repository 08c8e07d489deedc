"""What the tests of the primitives share: the `covers` mark, which says what of a primitive a test is about.

`@pytest.mark.covers("State.get", "success", "replay")` is a promise that is held to: the test fails when it does not
call the primitive in a run, or promises a replay and makes none. `test_registry.py` fails when a primitive lacks one of
the kinds `success`, `error`, `replay`, or `option NAME` for one of its optional arguments.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.primitives import REGISTRY
from proc_tui.core.primitives.registry import Method
from proc_tui.core.testing import Played

if TYPE_CHECKING:
    from collections.abc import Generator

    from proc_tui.core.values import Value


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "covers(title, *kinds): what of a primitive the test is about")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fails a test that passes without doing what its `covers` marks say."""
    called: set[str] = set()
    replays: list[Played] = []
    named, replay = Method.named, Played.replay

    def watched(method: Method, args: tuple[Value, ...]) -> dict[str, Value]:
        called.add(method.title)
        return named(method, args)

    def watched_replay(played: Played) -> Played:
        replays.append(played)
        return replay(played)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Method, "named", watched)
        patch.setattr(Played, "replay", watched_replay)
        result = yield
    text = inspect.getsource(pyfuncitem.function) + (
        repr(pyfuncitem.callspec.params) if hasattr(pyfuncitem, "callspec") else ""
    )
    for mark in pyfuncitem.iter_markers("covers"):
        title, *kinds = mark.args
        assert title in called or (REGISTRY.by_title[title].in_lua and title in text), f"{title} was not called"
        assert "replay" not in kinds or replays, f"nothing was replayed with {title}"
    return result
