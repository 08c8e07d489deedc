"""Writes the reference pages from the code, so that they cannot lag behind it.

python docs/generate.py            writes them
python docs/generate.py --check    fails when one differs
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar, cast

import msgspec
from msgspec import inspect as inspection
from proc_tui.core import errors
from proc_tui.core.document import CODES
from proc_tui.core.lua.sandbox import LuaSyntax
from proc_tui.core.model import settings, states
from proc_tui.core.model.workspace import FOLDER
from proc_tui.core.primitives import REGISTRY
from proc_tui.core.primitives.registry import Family, Form, Kind, Method, Parameter
from proc_tui.tui import announcing, keys
from proc_tui.tui.cli import cli

S = TypeVar("S", bound=StrEnum)

DOCS = Path(__file__).parent
THEMES = DOCS.parent / "themes"
HEAD = "<!-- Written by docs/generate.py; do not edit. -->\n\n"


def primitives() -> str:
    """Every primitive of the language."""
    lines = [
        "# Primitives",
        "",
        "What the Lua of a procedure can call. Each is one of three kinds:",
        "",
        "- **operation**: its outcome is recorded before the code goes on; a replay recalls it. It is a checkpoint.",
        "- **effect**: changes the run at once; recorded, and never done twice.",
        "- **query**: reads the run.",
        "",
        "Options are given as one table. An unknown option is an error that names it and the nearest known one.",
        "",
    ]
    for family in REGISTRY.families:
        lines += _family(family)
    return "\n".join(lines)


def _family(family: type[Family]) -> Iterator[str]:
    methods = [method for method in REGISTRY.methods if method.family == family.lua_name and not _hidden(method)]
    title = {"": "Sleep", "node": "Methods of nodes"}.get(family.lua_name, family.lua_name)
    yield f"## {title}"
    yield ""
    yield _paragraph(inspect.getdoc(family) or "")
    yield ""
    for method in methods:
        yield from _method(method)


def _hidden(method: Method) -> bool:
    return method.name.startswith("_")


def _method(method: Method) -> Iterator[str]:
    yield f"### `{_signature(method)}`"
    yield ""
    local = " Not available in the durable cloud context." if method.local_only else ""
    yield f"*{method.kind.value}* · {_paragraph(method.doc)}{local}"
    yield ""
    shown = _shown(method)
    if any(parameter.doc for parameter in shown):
        yield "| argument | type | default | meaning |"
        yield "|---|---|---|---|"
        for parameter in shown:
            default = "required" if parameter.required else _default(parameter.default)
            kind = parameter.type.replace("|", "\\|")
            yield f"| `{parameter.name}` | {kind} | {default} | {parameter.doc} |"
        yield ""
    if method.returns:
        yield f"Returns {method.returns}."
        yield ""
    if method.kind is Kind.OPERATION and not method.in_lua:
        yield f"Its checkpoints are named `{method.checkpoint}#1`, `{method.checkpoint}#2`, and so on."
        yield ""


def _shown(method: Method) -> list[Parameter]:
    """The arguments but for the node that a method of nodes is called on."""
    return [item for item in method.parameters if not (method.family == "node" and item.name == "node")]


def _signature(method: Method) -> str:
    names = [parameter.name for parameter in _shown(method)]
    if method.form is Form.OPTIONS:
        return f"{method.title}{{{', '.join(names)}}}"
    if method.form is Form.POINT:
        return f"{method.title}{{{', '.join(name for name in names if name != 'config_key')}}}"
    return f"{method.title}({', '.join(names)})"


def _default(value: object) -> str:
    if value is None:
        return "nil"
    if value == "":
        return '`""`'
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _paragraph(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def error_codes() -> str:
    """Every error and diagnostic with its code."""
    classes = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, errors.ProcError)]
    classes = [item for item in [*classes, LuaSyntax] if item is not errors.DocumentError]
    lines = [
        "# Errors",
        "",
        "Every error that proc-tui raises on purpose has a code that does not change. `--json` prints it.",
        "",
        "| code | meaning |",
        "|---|---|",
    ]
    for item in sorted(classes, key=lambda item: item.code):
        lines.append(f"| `{item.code}` | {_paragraph(inspect.getdoc(item) or '')} |")
    lines += [
        "",
        "## Diagnostics of documents",
        "",
        "What `proc-tui check` says about a procedure, with file, line and column.",
        "",
        "| code | severity | meaning |",
        "|---|---|---|",
    ]
    lines += [f"| `{code}` | {severity} | {meaning} |" for code, (severity, meaning) in sorted(CODES.items())]
    return "\n".join([*lines, ""])


def command_line() -> str:
    """Every command with its options."""
    lines = ["# Command line", ""]
    with cli.make_context("proc-tui", [], resilient_parsing=True) as context:
        lines += ["```", cli.get_help(context), "```", ""]
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            if command is None or command.hidden:
                continue
            with command.make_context(name, [], parent=context, resilient_parsing=True) as inner:
                lines += [f"## proc-tui {name}", "", "```", command.get_help(inner), "```", ""]
    return "\n".join(lines)


def state_tables() -> str:
    """The states of runs and requests, and the ways between them."""
    lines = ["# States", ""]
    lines += _diagram("Runs", states.RUN_TRANSITIONS)
    lines += _diagram("Requests to people", states.REQUEST_TRANSITIONS)
    return "\n".join(lines)


def _diagram(title: str, table: Mapping[S, frozenset[S]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state, following in table.items():
        for target in sorted(following):
            yield f"    {state} --> {target}"
        if not following:
            yield f"    {state} --> [*]"
    yield "```"
    yield ""


EXAMPLE = """\
default_model = "main"
env_allow = ["REGION"]

[models.main]                       # OpenAI, or whoever speaks as it does
model = "gpt-5-mini"
api_key_env = "OPENAI_API_KEY"
temperature = 0.2

[models.local]
model = "qwen3"
base_url = "http://127.0.0.1:8080/v1"
price = { input = 0, output = 0 }

[limits]
max_tokens = 500_000
max_cost = 2.50

[mcpServers.search]
command = "python"
args = ["server.py"]
env = { TOKEN = "${SEARCH_TOKEN}" }

[mcpServers.issues]
url = "https://example.org/mcp"
headers = { Authorization = "Bearer ${ISSUES_TOKEN}" }

[pythonTools]
interpreter = ".venv/bin/python"
modules = ["tools.py"]
"""

TITLES = {
    "": "General",
    "models.NAME.": "Models",
    "models.NAME.price.": "Prices",
    "mcpServers.NAME.": "MCP servers",
    "pythonTools.": "Python tools",
    "limits.": "Limits of a run",
    "worker.": "Workers",
}


def configuration() -> str:
    """Every setting with its default and meaning."""
    lines = [
        "# Configuration",
        "",
        f"`{FOLDER}/config.toml` in the workspace, over the user's own `config.toml`. `proc-tui config` shows what",
        "holds and where it comes from; `proc-tui doctor` tries the models and the tools.",
        "",
        "```toml",
        *EXAMPLE.splitlines(),
        "```",
        "",
        f'A workspace may also keep its MCP servers in `{FOLDER}/mcp.json`, the `{{"mcpServers": ...}}` that other',
        "programs read, pasted as it is; `config.toml` wins over it. A model or a server of the workspace replaces the",
        "user's of the same name wholly; all else is replaced key by key.",
        "",
        "Keys are not written into these files: a model names the environment variable or the keyring entry that holds",
        "its key, and `${NAME}` in a server's settings stands for a variable of your environment.",
        "",
        "The programs that a workspace's files would start are shown and agreed to before the first is started: see",
        "`proc-tui trust`. Your own `config.toml` needs no agreement, except for Python modules in the workspace: its",
        "servers start in your home folder, so that nothing in a workspace decides what they load. One that works on",
        'the workspace is told so: `args = ["${PROC_TUI_WORKSPACE}"]`, or `cwd = "${PROC_TUI_WORKSPACE}"`.',
    ]
    sections: dict[str, list[tuple[str, str, str]]] = {}
    for prefix, name, default, doc in _settings(settings.Settings, ""):
        sections.setdefault(prefix, []).append((f"{prefix}{name}", default, doc))
    for prefix, rows in sections.items():
        lines += ["", f"## {TITLES[prefix]}", "", "| key | default | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {default} | {doc} |" for name, default, doc in rows]
    return "\n".join([*lines, *_interface(), ""])


INTERFACE = """
## The interface

`[keys]` and `[notify]` hold only in your own `config.toml`: no workspace moves a person's keys, or starts programs
that tell of requests. On a desktop:

```toml
theme = "proc-light"

[notify]
command = "notify-send '{title}' '{message}'"
```

`PROC_TUI_GLYPHS=ascii` (or `unicode`) in the environment decides which signs are drawn, and `NO_COLOR` is heeded.

| key | default | meaning |
|---|---|---|"""


def _interface() -> list[str]:
    """The settings of the interface, of which runs know nothing."""
    names = ", ".join(f"`{name}`" for name in sorted(file.stem.replace("_", "-") for file in THEMES.glob("*.toml")))
    theme = (
        f"The colours: {names}, one of Textual's, or a file in `themes/` beside your own `config.toml`. What is chosen "
        "in the interface is remembered for the terminal, and wins."
    )
    rows = [("theme", "", theme), ("keys.ID", "", "Other keys for a binding: see [keys.md](keys.md).")]
    rows += [(f"notify.{name}", default, doc) for _, name, default, doc in _settings(announcing.Notify, "")]
    return [INTERFACE, *(f"| `{name}` | {default} | {doc} |" for name, default, doc in rows)]


def _settings(section: type, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """The section, key, default and meaning of each setting, those of tables after those of their section."""
    described = _attribute_docs(section)
    tables: list[tuple[type, str]] = []
    types = {field.name: field.type for field in cast("inspection.StructType", inspection.type_info(section)).fields}
    for field in msgspec.structs.fields(section):
        kind = types[field.name]
        if isinstance(kind, inspection.UnionType):
            kind = next((item for item in kind.types if isinstance(item, inspection.StructType)), kind)
        if isinstance(kind, inspection.StructType):
            tables.append((kind.cls, f"{prefix}{field.encode_name}."))
        elif isinstance(kind, inspection.DictType) and isinstance(kind.value_type, inspection.StructType):
            tables.append((kind.value_type.cls, f"{prefix}{field.encode_name}.NAME."))
        else:
            yield prefix, field.encode_name, _field_default(field), described.get(field.name, "")
    for inner, deeper in tables:
        yield from _settings(inner, deeper)


def _field_default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "" if default in (None, "", [], {}) else _default(default)


def _attribute_docs(cls: type) -> dict[str, str]:
    """The docstrings under the attributes of a class."""
    body = ast.parse(inspect.getsource(cls)).body[0]
    found: dict[str, str] = {}
    name = ""
    for statement in body.body if isinstance(body, ast.ClassDef) else []:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and name:
            found[name], name = " ".join(str(statement.value.value).split()), ""
    return found


PAGES: dict[str, Callable[[], str]] = {
    "primitives.md": primitives,
    "errors.md": error_codes,
    "cli.md": command_line,
    "states.md": state_tables,
    "configuration.md": configuration,
    "keys.md": keys.reference,
}


def main(arguments: list[str]) -> int:
    """Writes or compares the pages; returns the exit code."""
    stale: list[str] = []
    for name, page in PAGES.items():
        text = HEAD + page().rstrip() + "\n"
        path = DOCS / name
        if "--check" in arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"not up to date: {', '.join(f'docs/{name}' for name in stale)}; run `make docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
