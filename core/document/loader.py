"""A procedure file's text -> a `Procedure`, or the diagnostics that say why not.

Belongs here: the order of the passes, and building the structs from a tree that passed them all.
Never: reading files (`libs.py` does), or judging the text (`source.py`, `tree.py`, `schema.py`, `checks.py` do).
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

from ..errors import DocumentError
from . import params
from .checks import PROMPT_NAME, Checks, fields_of, text_of, value_of
from .diagnostics import Diagnostic, Report
from .lua_syntax import Compiler, source_of
from .procedure import Agent, Field, Filter, LuaSource, Point, Procedure
from .schema import validate
from .source import Source, decode
from .tree import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .tree import Node


def load(text: bytes | str, file: str, *, libs: Mapping[str, str] | None = None) -> Procedure:
    """The procedure of a file's text.

    `file` is the name that diagnostics and Lua errors show; `libs` are the pinned texts of `lib/` by the
    name that `require` takes. Raises `DocumentError` with every problem when there is an error; warnings
    do not raise.
    """
    procedure, found = examine(text, file, libs=libs)
    if procedure is None:
        raise DocumentError(found)
    return procedure


def load_again(text: str, file: str) -> Procedure:
    """The procedure of a text that `load` has taken before, perhaps long ago in an earlier version.

    It is not judged again, which would take most of the time and might refuse what has begun. Raises `DocumentError`
    when it cannot even be read.
    """
    report = Report(file)
    procedure = _guarded(report, lambda: _read(text, report))
    if procedure is None:
        raise DocumentError(report.sorted())
    return procedure


def examine(
    text: bytes | str, file: str, *, libs: Mapping[str, str] | None = None
) -> tuple[Procedure | None, list[Diagnostic]]:
    """The procedure of a file's text, None when it has errors, and all diagnostics in the text's order.

    Never raises, whatever the text is.
    """
    report = Report(file)
    procedure = _guarded(report, lambda: _examine(text, report, libs or {}))
    return procedure, report.sorted()


def _guarded(report: Report, read: Callable[[], Procedure | None]) -> Procedure | None:
    procedure = None
    try:
        procedure = read()
    except Exception as error:  # noqa: BLE001 - a defect here must not end the program that shows the file
        report.add("DOC-099", f"the loader failed on this file: {type(error).__name__}: {error}", (1, 1))
    return None if report.failed else procedure


def _read(text: str, report: Report) -> Procedure | None:
    source = decode(text, report)
    root = None if source is None else parse(source, report)
    return None if root is None or report.failed else _document(root, report.file)


def _examine(text: bytes | str, report: Report, libs: Mapping[str, str]) -> Procedure | None:
    root = None
    if (source := decode(text, report)) is not None and (root := parse(source, report)) is not None:
        validate(root, source, report)
        Checks(source, report).procedure(root)
    compiler = Compiler()
    for name, lua in libs.items():
        compiler.check(LuaSource(lua, lib_file(report.file, name), 1), report, Source(lua))
    if root is None or report.failed:
        return None
    return _document(root, report.file)


def _document(root: Node, file: str) -> Procedure:
    name, version = cast(str, root.fields["name"].data), cast(str, root.fields["version"].data)
    return _procedure(root, name, version, file)


def lib_file(file: str, name: str) -> str:
    """The file that `require(name)` loads for the procedure in `file`."""
    return str(PurePath(file).parent / "lib" / f"{name}.lua")


def _procedure(node: Node, name: str, version: str, file: str) -> Procedure:
    inline = fields_of(node, "procedures")
    dependencies = node.fields.get("dependencies")
    code = node.fields.get("code") or node.fields["workflow"]
    prompts = {key: cast(str, item.data) for key, item in fields_of(node, "prompts").items()}
    guards = node.fields.get("guards")
    asynchronous = node.fields.get("async")
    return Procedure(
        name=name,
        version=version,
        code=source_of(code, file),
        file=file,
        description=text_of(node.fields.get("description")) or "",
        params=_fields(node, "params"),
        outputs=_fields(node, "outputs"),
        return_prompt=_prompt(node.fields.get("return_prompt"), prompts),
        error_prompt=_prompt(node.fields.get("error_prompt"), prompts),
        status_prompt=_prompt(node.fields.get("status_prompt"), prompts),
        async_=asynchronous is None or asynchronous.data is True,
        max_depth=_integer(node, "max_depth", 5),
        max_turns=_integer(node, "max_turns", 50),
        checkpoint_interval=_integer(node, "checkpoint_interval", 10),
        guards=tuple(source_of(item, file) for item in guards.items) if guards else (),
        hitl={key: _point(item, node.fields["hitl"].key(key)[0]) for key, item in fields_of(node, "hitl").items()},
        tools=_texts(dependencies, "tools"),
        uses=_texts(dependencies, "procedures"),
        prompts=prompts,
        procedures={key: _procedure(item, key, version, file) for key, item in inline.items()},
        agents={key: _agent(key, node, prompts, file) for key in fields_of(node, "agents")},
        stages=_texts(node, "stages"),
    )


def _integer(node: Node | None, key: str, default: int) -> int:
    value = _maybe_integer(node, key)
    return default if value is None else value


def _maybe_integer(node: Node | None, key: str) -> int | None:
    item = node.fields.get(key) if node else None
    return None if item is None else int(cast(float, item.data))


def _maybe_float(node: Node | None, key: str) -> float | None:
    item = node.fields.get(key) if node else None
    return None if item is None else float(cast(float, item.data))


def _texts(node: Node | None, key: str) -> tuple[str, ...]:
    item = node.fields.get(key) if node else None
    return tuple(cast("list[str]", item.data)) if item else ()


def _prompt(node: Node | None, prompts: Mapping[str, str]) -> str | None:
    text = text_of(node)
    if text is not None and (match := PROMPT_NAME.fullmatch(text)):
        return prompts[match[1]]
    return text


def _fields(node: Node, key: str) -> dict[str, Field]:
    return {name: _field(item, node.fields[key].key(name)[0]) for name, item in fields_of(node, key).items()}


def _field(node: Node, line: int) -> Field:
    kind = cast("Any", node.fields["type"].data)
    enum, default, required = (node.fields.get(key) for key in ("enum", "default", "required"))
    return Field(
        type=kind,
        required=required is not None and required.data is True,
        default=None if default is None or default.data is None else params.fit(kind, value_of(default)),
        enum=None if enum is None else tuple(params.fit(kind, value_of(item)) for item in enum.items),
        description=text_of(node.fields.get("description")) or "",
        line=line,
    )


def _point(node: Node, line: int) -> Point:
    own = ("type", "confirm", "approvals", "not_starter")
    options = {key: value_of(item) for key, item in node.fields.items() if key not in own and item.data is not None}
    not_starter = node.fields.get("not_starter")
    return Point(
        type=cast("Any", node.fields["type"].data),
        options=options,
        confirm=text_of(node.fields.get("confirm")),
        approvals=_integer(node, "approvals", 1),
        not_starter=not_starter is not None and not_starter.data is True,
        line=line,
    )


def _agent(name: str, procedure: Node, prompts: Mapping[str, str], file: str) -> Agent:
    agents = procedure.fields["agents"]
    node = agents.fields[name]
    response = node.fields.get("response")
    retry_delay = _maybe_float(response, "retry_delay")
    prepare = node.fields.get("prepare")
    chosen = node.fields.get("filter")
    return Agent(
        name=name,
        system_prompt=_prompt(node.fields["system_prompt"], prompts) or "",
        initial_message=_prompt(node.fields.get("initial_message"), prompts),
        prepare=None if prepare is None else source_of(prepare, file),
        tools=_texts(node, "tools"),
        filter=None if chosen is None else _filter(chosen),
        retries=_integer(response, "retries", 3),
        retry_delay=1.0 if retry_delay is None else retry_delay,
        max_turns=_maybe_integer(node, "max_turns"),
        model=text_of(node.fields.get("model")),
        temperature=_maybe_float(node, "temperature"),
        max_tokens=_maybe_integer(node, "max_tokens"),
        reasoning_effort=text_of(node.fields.get("reasoning_effort")),
        line=agents.key(name)[0],
    )


def _filter(node: Node) -> Filter:
    if (name := text_of(node)) is not None:
        return Filter(cls=cast("Any", name))
    chain = node.fields.get("chain")
    return Filter(
        cls=cast("Any", node.fields["class"].data),
        max_tokens=_maybe_integer(node, "max_tokens"),
        count=_maybe_integer(node, "count"),
        max_chars=_maybe_integer(node, "max_chars"),
        chain=tuple(_filter(item) for item in chain.items) if chain else (),
    )
