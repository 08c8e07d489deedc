"""The command line as a whole: help, errors, exit codes, `--json` of every error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from proc_tui.tui.cli import COMMANDS, cli

if TYPE_CHECKING:
    pass


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.output
    with click.Context(cli) as ctx:
        command = cli.get_command(ctx, name)
    assert command is not None
    assert command.name == name
    assert "--json" in result.output or name in ("chat", "completion", "demo", "serve")


def test_without_a_command_it_prints_the_help_and_what_waits(proc: Any) -> None:
    assert "Usage: " in proc().stdout
    assert "wait" not in proc().stdout.splitlines()[-1]
    proc("run", "gate", code=3)
    assert "1 request in" in proc().stdout.splitlines()[-1]


def test_a_folder_in_place_of_a_command_is_the_workspace(proc: Any) -> None:
    proc("run", "gate", code=3)
    assert "1 request in" in CliRunner().invoke(cli, [str(proc.folder)]).stdout


def test_the_workspace_is_the_nearest_folder_that_has_runs(proc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proc("run", "hello")
    inside = proc.folder / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert "hello" in CliRunner().invoke(cli, ["list"]).stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["lits"], 'there is no command "lits"; did you mean "list"?'),
        (["hello.yaml"], "there is no command"),
        (["run"], "Missing argument"),
        (["run", "helo"], 'did you mean "hello"?'),
        (["run", "nothing.yaml"], "cannot read"),
        (["run", "hello", "-p", "who"], "is not NAME=VALUE"),
        (["run", "hello", "-p", "whom=x"], 'did you mean "who"?'),
        (["run", "hello", "--params", "none.yaml"], "cannot read none.yaml"),
        (["run", "hello", "--answers", "none.yaml"], "cannot read the answers"),
        (["run", "hello", "--replies", "none.yaml"], "none.yaml"),
        (["show", "zzz"], 'there is no run "zzz"'),
        (["log", "zzz"], 'there is no run "zzz"'),
        (["resume", "zzz"], 'there is no run "zzz"'),
        (["resume", "zzz", "--cut"], "--cut goes with --edited"),
        (["reset", "zzz"], 'there is no run "zzz"'),
        (["fork", "zzz"], 'there is no run "zzz"'),
        (["stop", "zzz"], 'there is no run "zzz"'),
        (["cancel", "zzz"], 'there is no run "zzz"'),
        (["send", "zzz", "hi"], 'there is no run "zzz"'),
        (["send", "zzz", " "], "the message is empty"),
        (["export", "zzz"], 'there is no run "zzz"'),
        (["export", "zzz", "--format", "case"], "json, html, answers and replies"),
        (["answer", "zzz"], 'there is no run "zzz"'),
        (["answer", "zzz", "--approve"], 'there is no run "zzz"'),
        (["alert", "loud", "x"], "Invalid value"),
        (["handover", "--since", "soon"], "is not a duration"),
        (["list", "--status", "fialed"], 'did you mean "failed"?'),
        (["check", "helo.yaml"], "cannot read"),
        (["new", "no way"], "is not a name"),
        (["new", "hello"], "exists already"),
        (["inbox", "-i"], "needs a terminal"),
    ],
)
def test_bad_input_gets_a_clear_word_and_exit_code_2(proc: Any, args: list[str], says: str) -> None:
    proc("run", "hello")
    result = proc(*args, code=2)
    assert says in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stdout == ""
    as_json = proc(*args, "--json", code=2)
    error = json.loads(as_json.stdout)["error"]
    assert set(error) >= {"code", "message"}
    if args != ["inbox", "-i"]:
        assert says in error["message"]


def test_before_the_first_run_listings_are_empty_and_say_how_to_begin(proc: Any) -> None:
    for command in ("list", "inbox", "handover"):
        result = proc(command)
        assert "No runs in" in result.stderr
        assert proc(command, "--json").stdout == ""
    assert "has no runs yet" in proc("show", "x", code=2).stderr
    assert not (proc.folder / ".proc-tui").exists()


def test_a_broken_document_is_shown_with_its_lines_and_carets(proc: Any) -> None:
    (proc.folder / "bad.yaml").write_text('name: bad\nversion: "1"\nfoo: 1\ncode: |\n  local x = = 3\n')
    result = proc("run", "bad", code=2)
    assert "bad.yaml:3:1: error DOC-020" in result.stderr
    assert "3 │ foo: 1" in result.stderr
    assert "  local x = = 3" in result.stderr
    assert result.stderr.count("^") == 2
    error = proc.json("run", "bad", code=2)["error"]
    assert [item["line"] for item in error["diagnostics"]] == [3, 5]


def test_a_broken_configuration_is_named(proc: Any) -> None:
    (proc.folder / ".proc-tui").mkdir(mode=0o700)
    (proc.folder / ".proc-tui" / "config.toml").write_text("durabilty = 'full'\n")
    result = proc("list", code=2)
    assert "config.toml" in result.stderr
    assert 'did you mean "durability"?' in result.stderr


def test_a_database_of_another_program_is_left_alone_and_the_exit_code_is_1(proc: Any) -> None:
    (proc.folder / ".proc-tui").mkdir(mode=0o700)
    file = proc.folder / ".proc-tui" / "runs.db"
    file.write_bytes(b"not a database" * 100)
    result = proc("list", code=1)
    assert str(file) in result.stderr
    assert "Traceback" not in result.output
    assert file.read_bytes() == b"not a database" * 100


def test_what_the_system_refuses_is_told_without_a_traceback(proc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    proc("run", "hello")
    monkeypatch.setattr("proc_tui.core.operator.Operator.open", refuse)
    assert proc("list", code=1).stderr == "error: /somewhere: Permission denied\n"


@pytest.mark.slow
def test_output_into_a_closed_pipe_ends_quietly(proc: Any) -> None:
    program = f"{sys.executable} -c 'from proc_tui.tui.cli import main; main()' --help | true"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("command", "code"), [("list", 0), ("run gate", 3)])
def test_closed_standard_streams_change_nothing(proc: Any, closed: str, command: str, code: int) -> None:
    proc("run", "hello")
    program = f"{sys.executable} -c 'from proc_tui.tui.cli import main; main()' -C {proc.folder} {command} {closed}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_what_cannot_be_read_to_an_end_holds_nobody_up(proc: Any) -> None:
    os.mkfifo(proc.folder / "a.yaml")
    (proc.folder / "b.yaml").symlink_to("/dev/zero")
    (proc.folder / "c.yaml").mkdir()
    assert proc.json("run", "hello")["status"] == "COMPLETED"
    assert "there is no procedure" in proc("run", "a", code=2).stderr
    assert "DOC-002" in proc("run", str(proc.folder / "b.yaml"), code=2).stderr
    assert "DOC-002" in proc("check", str(proc.folder / "b.yaml"), code=1).output
    assert "more than 64 MB" in proc("run", "hello", "--params", "/dev/zero", code=2).stderr
    assert "larger than 4 MB" in proc("run", "gate", "--answers", "/dev/zero", code=2).stderr


class TestCompletion:
    def complete(self, proc: Any, words: str) -> list[str]:
        place = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
        asked = {"_PROC_TUI_COMPLETE": "bash_complete", **place}
        result = CliRunner().invoke(cli, [], prog_name="proc-tui", env=asked)
        return [line.partition(",")[2] for line in result.stdout.splitlines()]

    def test_commands(self, proc: Any) -> None:
        assert self.complete(proc, "proc-tui re") == ["resume", "resume-all", "reset"]

    def test_procedures_runs_and_requests(self, proc: Any) -> None:
        run = proc.start("gate")
        proc("resume", run, code=3)
        at = f"proc-tui -C {proc.folder}"
        assert set(self.complete(proc, f"{at} run h")) >= {"hello"}
        assert self.complete(proc, f"{at} show ") == [run]
        assert self.complete(proc, f"{at} answer {run[:4]}") == [proc.lines("inbox")[0]["request"]]

    def test_where_nothing_was_ever_run_nothing_is_offered(self, proc: Any) -> None:
        assert self.complete(proc, f"proc-tui -C {proc.folder} show ") in ([], [""])

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_each_shell_is_told_its_line(self, proc: Any, shell: str) -> None:
        assert f"{shell}_source" in proc("completion", shell).stdout
        assert f"completion {shell} >>" in proc("completion", shell).stderr
