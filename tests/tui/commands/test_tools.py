"""`check`, `new`, `config`, `trust`, `doctor`: files and this machine."""

from __future__ import annotations

import json
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from proc_tui.core.document import finding
from proc_tui.tui.templates import TEMPLATES

SERVERS = '[mcpServers.search]\ncommand = "python"\nargs = ["server.py", "--fast mode"]\nenv = {TOKEN = "secret"}\n'


def configure(proc: Any, text: str) -> None:
    (proc.folder / ".proc-tui").mkdir(mode=0o700, exist_ok=True)
    (proc.folder / ".proc-tui" / "config.toml").write_text(text)


class TestCheck:
    def test_files_without_problems(self, proc: Any) -> None:
        result = proc("check", str(proc.folder / "hello.yaml"), str(proc.folder / "gate.yaml"))
        assert result.stdout.count(": ok") == 2

    def test_the_workspace_is_looked_through_once_for_all_files(
        self, proc: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(proc, "")
        looks: list[Path] = []
        real = finding.files
        monkeypatch.setattr(finding, "files", lambda root: looks.append(root) or real(root))
        (proc.folder / "old").mkdir()
        (proc.folder / "old" / "hello.yaml").write_text((proc.folder / "hello.yaml").read_text())
        result = proc("check", *(str(proc.folder / f"{name}.yaml") for name in ("hello", "gate", "old/hello")))
        assert result.stderr.count("warning DOC-029") == 2
        assert len(looks) == 1

    def test_every_problem_with_its_place(self, proc: Any) -> None:
        file = proc.folder / "bad.yaml"
        file.write_text('name: bad\nversion: "1"\nfoo: 1\ncode: |\n  local x = = 3\n')
        result = proc("check", str(file), code=1)
        assert f"{file}:3:1: error DOC-020" in result.stderr
        assert "2 errors, 0 warnings in 1 file" in result.stderr
        rows = [json.loads(line) for line in proc("check", str(file), "--json", code=1).stdout.splitlines()]
        assert [(row["line"], row["column"], row["code"]) for row in rows] == [(3, 1, "DOC-020"), (5, 11, "DOC-050")]
        assert list(rows[0]) == ["file", "line", "column", "severity", "code", "message", "hint"]

    def test_a_name_that_another_file_of_the_workspace_has_is_a_warning(self, proc: Any) -> None:
        (proc.folder / "old").mkdir()
        (proc.folder / "old" / "hello.yaml").write_text((proc.folder / "hello.yaml").read_text())
        result = proc("check", str(proc.folder / "hello.yaml"))
        assert "warning DOC-029" in result.stderr
        assert '"hello" is also the name of old/hello.yaml' in result.stderr
        refused = proc("run", "hello", code=None).stderr
        assert "hello.yaml and old/hello.yaml; rename one, or run one by its file" in refused
        proc("run", str(proc.folder / "old" / "hello.yaml"))
        assert 'more than one file declares the name "hello": hello.yaml and old/hello.yaml' in proc("list").stderr

    def test_libraries_are_checked_too(self, proc: Any) -> None:
        (proc.folder / "lib").mkdir()
        (proc.folder / "lib" / "tools.lua").write_text("local x = = 1\n")
        result = proc("check", str(proc.folder / "hello.yaml"), code=1)
        assert "tools.lua:1" in result.stderr
        assert "local x = = 1" in result.stderr


class TestNew:
    @pytest.mark.parametrize("template", TEMPLATES)
    def test_every_template_is_valid_and_runs(self, proc: Any, template: str) -> None:
        file = proc("new", "fresh", "--template", template).stdout.strip()
        assert Path(file) == proc.folder / "fresh.yaml"
        proc("check", file)
        given = {
            "minimal": ["-p", "who=Ada"],
            "approval": ["-p", "target=staging"],
            "agent": ["--replies", str(proc.folder / "fresh.replies.yaml")],
            "batch": ["-p", 'items=["a", "b"]'],
            "children": ["-p", 'regions=["eu", "us"]'],
        }[template]
        proc("run", "fresh", *given, code=3 if template == "approval" else 0)

    def test_templates_are_listed(self, proc: Any) -> None:
        assert [line.split()[0] for line in proc("new", "--templates").stdout.splitlines()] == list(TEMPLATES)

    def test_a_path_is_taken_as_the_file(self, proc: Any) -> None:
        proc("new", str(proc.folder / "deep" / "one.yaml"))
        assert "name: one\n" in (proc.folder / "deep" / "one.yaml").read_text()


class TestConfig:
    def test_settings_and_their_origins(self, proc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        configure(proc, "durability = 'fast'\n[limits]\nlua_memory_mb = 64\n" + SERVERS)
        rows = {row["key"]: row for row in proc.lines("config")}
        assert rows["limits.lua_memory_mb"]["value"] == 64
        assert rows["limits.lua_memory_mb"]["origin"].endswith("config.toml")
        assert rows["file_root"]["origin"] == "default"
        assert rows["mcpServers.search.env.TOKEN"]["value"] == "***"
        assert "secret" not in proc("config").stdout
        configure(
            proc,
            '[models.main]\nmodel = "m"\nbase_url = "http://me:secret@h/v1?key=secret"\napi_key_env = "MY_KEY"\n'
            "[limits]\nmax_tokens = 5\n"
            '[mcpServers.far]\nurl = "https://h/mcp?token=secret"\nheaders = {Authorization = "Bearer secret"}\n',
        )
        rows = {row["key"]: row["value"] for row in proc.lines("config")}
        assert rows["models.main.base_url"] == "http://***@h/v1?key=***"
        assert (rows["models.main.api_key_env"], rows["limits.max_tokens"]) == ("MY_KEY", 5)
        assert "secret" not in proc("config").stdout
        configure(proc, "durability = 'fast'\n")
        monkeypatch.setenv("PROC_TUI_DURABILITY", "full")
        rows = {row["key"]: row for row in proc.lines("config")}
        assert (rows["durability"]["value"], rows["durability"]["origin"]) == ("full", "PROC_TUI_DURABILITY")

    def test_the_files(self, proc: Any) -> None:
        assert proc("config", "--path").stdout.count("config.toml  (not there)") == 2
        assert "mcp.json  (not there)" in proc("config", "--path").stdout


class TestTrust:
    def test_a_workspace_without_programs(self, proc: Any) -> None:
        assert "nothing that has to be agreed to" in proc("trust").stderr

    def test_agreed_to_until_a_command_changes(self, proc: Any) -> None:
        configure(proc, SERVERS + "[pythonTools]\nmodules = ['tools.py']\n")
        result = proc("trust", code=1)
        assert "mcpServers.search: python server.py '--fast mode'" in result.stdout
        assert "with TOKEN" in result.stdout
        assert "pythonTools.tools.py: python tools.py" in result.stdout
        proc("trust", "--yes")
        assert "trusted already" in proc("trust").stderr
        assert str(proc.folder) in proc("trust", "--list").stdout
        configure(proc, SERVERS.replace("server.py", "other.py"))
        assert proc.json("trust", code=1)["trusted"] is False
        assert "no longer trusted" in proc("trust", "--revoke").stderr
        assert str(proc.folder) not in proc("trust", "--list").stdout


class TestDoctor:
    def test_a_healthy_workspace(self, proc: Any) -> None:
        proc("run", "hello")
        result = proc("doctor")
        assert "nothing is wrong" in result.stderr
        rows = {row["check"]: row for row in proc.lines("doctor")}
        assert {"python", "libraries", "configuration", "files", "database", "clock", "disk"} <= set(rows)
        assert "write-ahead log" in rows["database"]["text"]

    def test_a_folder_without_runs(self, proc: Any) -> None:
        assert "no runs in" in proc("doctor").stdout

    def test_what_others_can_read_is_wrong(self, proc: Any) -> None:
        proc("run", "hello")
        (proc.folder / ".proc-tui").chmod(0o755)
        assert "note files: " in proc("doctor").stdout
        (proc.folder / ".proc-tui" / "runs.db").chmod(0o644)
        assert "can be read by others" in proc("doctor", code=1).stdout

    def test_a_configuration_with_a_mistake_is_wrong_once(self, proc: Any) -> None:
        proc("run", "hello")
        (proc.folder / ".proc-tui" / "config.toml").write_text("[models.main]\nmodle = 1\n")
        assert proc("doctor", code=1).stdout.count("did you mean") == 1

    def test_of_several_models_one_has_to_be_the_default(self, proc: Any) -> None:
        proc("run", "hello")
        (proc.folder / ".proc-tui" / "config.toml").write_text('[models.a]\nmodel = "x"\n[models.b]\nmodel = "y"\n')
        assert 'default_model = "a"' in proc("doctor", code=1).stdout

    @pytest.mark.kill
    def test_a_tool_that_a_server_describes_wrongly_is_noted_and_the_others_are_there(
        self, proc: Any, project: Path
    ) -> None:
        server = project / "tests" / "servers" / "careless.py"
        wrong = json.dumps([{"name": "broken", "inputSchema": "text"}])
        configure(
            proc,
            f"[mcpServers.library]\ncommand = '{sys.executable}'\nargs = ['{server}']\nenv = {{WRONG = '{wrong}'}}\n",
        )
        proc("trust", "--yes")
        told = proc("doctor", code=None).stdout
        assert "library: 1 tool: ask" in told
        assert 'note tools: the MCP server "library": the tool "broken" was left out' in " ".join(told.split())

    def test_a_clock_that_was_set_back_is_wrong(self, proc: Any) -> None:
        proc("run", "hello")
        connection = sqlite3.connect(proc.folder / ".proc-tui" / "runs.db")
        with connection:
            connection.execute("UPDATE events SET at = at + 7200")
        connection.close()
        assert "in the future" in proc("doctor", code=1).stdout

    def test_a_dead_worker_that_holds_runs_is_named(self, proc: Any) -> None:
        proc.start("hello")
        connection = sqlite3.connect(proc.folder / ".proc-tui" / "runs.db")
        with connection:
            connection.execute("UPDATE runs SET owner=?, lease_until=9e9", (f"{socket.gethostname()}:4194999:1:ab",))
        connection.close()
        assert "4194999 is gone and still holds 1 run" in proc("doctor", code=1).stdout

    def test_a_damaged_database_is_reported(self, proc: Any) -> None:
        proc("run", "hello")
        (proc.folder / ".proc-tui" / "runs.db").write_bytes(b"x" * 5000)
        assert "database" in proc("doctor", code=1).stdout

    def test_without_a_model_it_says_what_to_write(self, proc: Any) -> None:
        assert 'Put for example [models.main] with model = "gpt-5-mini"' in proc("doctor").stdout

    @pytest.mark.slow
    def test_models_are_asked_for_their_list_and_never_paid(self, proc: Any, openai_server: Any) -> None:
        openai_server.play({"models": ["qwen3"], "replies": []})
        configure(
            proc,
            f'[models.good]\nmodel = "qwen3"\nbase_url = "{openai_server.url}"\n'
            f'[models.misspelt]\nmodel = "qwen4"\nbase_url = "{openai_server.url}"\n'
            '[models.silent]\nmodel = "x"\nbase_url = "http://127.0.0.1:9/v1"\n'
            '[models.keyless]\nmodel = "x"\n',
        )
        rows = [json.loads(line) for line in proc("doctor", "--json", code=1).stdout.splitlines()]
        found = {row["text"].split(" ")[0]: row["level"] for row in rows if row["check"] == "models"}
        assert sum(level == "wrong" for level in found.values()) == 3
        texts = "\n".join(row["text"] for row in rows if row["check"] == "models")
        assert f"good: qwen3 at {openai_server.url}" in texts
        assert 'did you mean "qwen3"' in texts
        assert "cannot connect to http://127.0.0.1:9" in texts
        assert "needs OPENAI_API_KEY" in texts
        assert not [asked for asked in openai_server.asked if asked.paid]

    @pytest.mark.kill
    def test_tools_are_started_once_they_were_agreed_to(self, proc: Any) -> None:
        (proc.folder / "tools.py").write_text('def add(a: int, b: int) -> int:\n    "Adds."\n    return a + b\n')
        configure(
            proc,
            f'[mcpServers.lost]\ncommand = "no-such-program"\n[mcpServers.off]\ncommand = "x"\ndisabled = true\n'
            f'[pythonTools]\ninterpreter = "{sys.executable}"\nmodules = ["tools.py", "gone.py"]\n',
        )
        assert [row for row in proc.lines("doctor") if row["check"] == "tools"] == []
        proc("trust", "--yes")
        rows = [json.loads(line) for line in proc("doctor", "--json", code=1).stdout.splitlines()]
        found = {row["level"]: row["text"] for row in rows if row["check"] == "tools"}
        assert found["ok"].endswith("1 tool: add")
        assert "gone.py" in found["note"]
        assert 'no program "no-such-program"' in found["wrong"]
        proc("trust", "--revoke")
