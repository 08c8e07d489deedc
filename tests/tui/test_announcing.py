from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from proc_tui.core.journal.requests import PendingRequest
from proc_tui.core.model import settings
from proc_tui.core.model.states import RequestStatus
from proc_tui.tui.announcing import Announcer, Notify, load
from proc_tui.tui.configured import Configured

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = PendingRequest(
    id="run1.1", run="run1", seq=4, attempt=1, type="approval", point="gate", message="Publish it?", data="{}",
    digest="d", status=RequestStatus.PENDING, created_at=0.0, deadline=None, needed=1, resolved_at=None,
    resolved_by=None, procedure="notes",
)  # fmt: skip


def announcer(folder: Path, **notify: object) -> Announcer:
    return Announcer(folder / "shop", msgspec.convert(notify, Notify), folder=folder / "told")


def test_a_request_is_told_once(tmp_path: Path) -> None:
    told = announcer(tmp_path)
    assert [item.kind for item in told.news([REQUEST], 1.0)] == ["asked"]
    assert told.news([REQUEST], 2.0) == []
    again = msgspec.structs.replace(REQUEST, attempt=2)
    assert [item.kind for item in told.news([again], 3.0)] == ["asked"]


def test_what_somebody_sees_already_is_not_told(tmp_path: Path) -> None:
    told = announcer(tmp_path)
    told.know([REQUEST])
    assert told.news([REQUEST], 1.0) == []


def test_a_deadline_is_told_again_before_it_passes(tmp_path: Path) -> None:
    told = announcer(tmp_path, remind="10m")
    request = msgspec.structs.replace(REQUEST, deadline=7200.0)
    told.know([request])
    assert told.news([request], 6000.0) == []
    (item,) = told.news([request], 6700.0)
    assert item.title == "notes waits for you, 8:20 left"
    assert told.news([request], 6800.0) == []
    assert announcer(tmp_path).news([msgspec.structs.replace(request, id="late")], 7300.0)[0].kind == "asked"


def test_a_short_wait_is_reminded_of_in_its_last_quarter(tmp_path: Path) -> None:
    told = announcer(tmp_path)
    request = msgspec.structs.replace(REQUEST, deadline=40.0)
    told.know([request])
    assert told.news([request], 29.0) == []
    assert [item.kind for item in told.news([request], 30.5)] == ["due"]


@pytest.mark.slow
def test_the_command_is_run_by_one_process_only_and_no_shell_reads_the_message(tmp_path: Path) -> None:
    script = tmp_path / "notify"
    script.write_text(f'#!/bin/sh\necho "$1|$2|$PROC_TUI_EVENT" >> {tmp_path}/out\n')
    script.chmod(0o755)
    request = msgspec.structs.replace(REQUEST, message="-x $(touch /tmp/never); `id`\x1b[2J")
    one, two = (announcer(tmp_path, command=f"{script} '{{title}}' '{{message}}'") for _ in range(2))
    one.look([request], 1.0)
    two.look([request], 1.0)
    one.wait()
    two.wait()
    assert (tmp_path / "out").read_text() == "notes waits for you| -x $(touch /tmp/never); `id`‹U+001B›[2J|asked\n"


def test_the_terminals_own_notification_has_no_sequence_of_the_message(tmp_path: Path) -> None:
    told = announcer(tmp_path, osc="777")
    (item,) = told.news([msgspec.structs.replace(REQUEST, message="\x1b\\\x07;evil")], 1.0)
    said = told.sequence(item, {})
    assert said.startswith("\x1b]777;notify;notes waits for you;")
    assert said.count("\x1b") == 2
    assert "\x07" not in said
    wrapped = told.sequence(item, {"TMUX": "1"})
    assert wrapped.startswith("\x1bPtmux;\x1b\x1b]777;")
    assert told.sequence(item, {"TMUX": "1"}).endswith("\x1b\x1b\\\x1b\\")


def test_a_command_of_the_workspace_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / ".proc-tui").mkdir(parents=True)
    (folder / ".proc-tui" / "config.toml").write_text('[notify]\ncommand = "evil"\n')
    notify, problems = load(Configured(folder))
    assert notify.command == ""
    assert "has no effect there" in problems[0]


def test_a_file_of_the_configuration_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".proc-tui").mkdir()
    (tmp_path / ".proc-tui" / "config.toml").write_text('theme = "proc-light"\n')
    read: list[Path] = []
    real = settings.sections
    monkeypatch.setattr(settings, "sections", lambda file: read.append(file) or real(file))
    configured = Configured(tmp_path)
    assert configured.value("theme") == "proc-light"
    assert configured.own_value("keys") is None
    assert load(configured) == (Notify(), [])
    assert sorted(read) == sorted([configured.own, *configured.others])
