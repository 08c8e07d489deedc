"""What must hold in a document beyond its schema: references, types of defaults, names, Lua.

Runs on the tree whether or not the schema was satisfied, so that every problem shows at once; so each
check takes only what has the right shape. Belongs here: rules over several keys. Never: rules that the
JSON Schema can say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast, get_args

from ..errors import did_you_mean
from ..values import from_json
from . import params, templates
from .lua_syntax import Compiler, keeps_lines, source_of
from .procedure import PRIMITIVES, FieldType, lua_names
from .schema import given

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ..values import Value
    from .diagnostics import Report
    from .source import Place, Source
    from .tree import Node

PROMPT_NAME = re.compile(r"\s*prompts\.(\S+)\s*")
_RUN_PROMPTS = ("return_prompt", "error_prompt", "status_prompt")


def fields_of(node: Node | None, key: str = "") -> dict[str, Node]:
    """The fields of a map, or of the map under `key`; nothing when there is no map."""
    inner = node.fields.get(key) if node is not None and key else node
    return inner.fields if inner is not None else {}


def text_of(node: Node | None) -> str | None:
    """A node's text, or None when it is not a string."""
    return node.data if node is not None and isinstance(node.data, str) else None


def value_of(node: Node) -> Value:
    """A node's data as a value; the reader's limits are below those of values."""
    return from_json(node.data)


class Checks:
    """Checks one file."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source: Source = source
        self.report: Report = report
        self.compiler: Compiler = Compiler()

    def procedure(self, node: Node) -> None:
        """Check a document, and its inline procedures, which see only what they declare themselves."""
        for name, item in fields_of(node, "params").items():
            self._field(name, item)
        for name, item in fields_of(node, "outputs").items():
            self._field(name, item)
        self._templates(node)
        self._stages(node)
        self._agents(node)
        for name, point in fields_of(node, "hitl").items():
            self._review_default(name, point)
        for lua in _lua_nodes(node):
            self._lua(lua)
        for inner in fields_of(node, "procedures").values():
            self.procedure(inner)

    def _field(self, name: str, node: Node) -> None:
        kind = cast("FieldType", text_of(node.fields.get("type")) or "")
        if kind not in get_args(FieldType):
            return
        enum = node.fields.get("enum")
        allowed: list[Value] = []
        for item in enum.items if enum is not None else []:
            value = params.fit(kind, value_of(item))
            if value is None:
                message = f"`enum` of {name}: {given(item.data)} is not {params.type_text(kind)}"
                self.report.add("DOC-036", message, item.at)
            else:
                allowed.append(value)
        default = node.fields.get("default")
        if default is None or default.data is None:
            return
        value = params.fit(kind, value_of(default))
        if value is None:
            message = f"`default` of {name} must be {params.type_text(kind)}, not {given(default.data)}"
            if kind == "string" and not isinstance(default.data, (dict, list)):
                message += f'; put it in quotes: "{default.raw}"'
            self.report.add("DOC-034", message, default.at)
        elif enum is not None and allowed and not params.in_enum(value, allowed):
            message = f"`default` of {name}, {given(default.data)}, is not one of its `enum`"
            self.report.add("DOC-035", message, default.at)
        if (required := node.fields.get("required")) is not None and required.data is True:
            message = f"{name} is required, so its default is never used; remove one of them"
            self.report.add("DOC-037", message, node.key("default"))

    def _templates(self, node: Node) -> None:
        prompts = fields_of(node, "prompts")
        known = node.fields.get("prompts") is None or isinstance(node.fields["prompts"].data, dict)
        for item in prompts.values():
            self._references(node, item, outputs=None)
        for key in _RUN_PROMPTS:
            self._prompt(node, node.fields.get(key), prompts if known else None, outputs=key == "return_prompt")
        for agent in fields_of(node, "agents").values():
            for key in ("system_prompt", "initial_message"):
                self._prompt(node, agent.fields.get(key), prompts if known else None, outputs=False)
        for point in fields_of(node, "hitl").values():
            for key in ("message", "confirm"):
                self._references(node, point.fields.get(key), outputs=False)

    def _prompt(self, node: Node, item: Node | None, prompts: dict[str, Node] | None, *, outputs: bool) -> None:
        match = PROMPT_NAME.fullmatch(text_of(item) or "")
        if item is None or match is None:
            self._references(node, item, outputs=outputs)
        elif prompts is not None and match[1] not in prompts:
            hint = _hint(match[1], prompts)
            self.report.add("DOC-030", f'no prompt "{match[1]}" is declared under `prompts`{hint}', item.at)

    def _references(self, node: Node, item: Node | None, *, outputs: bool | None) -> None:
        """Check a template's references; `outputs` says whether it may use them, None that it is not known."""
        text = text_of(item)
        if item is None or text is None:
            return
        references = templates.names(text)
        known, declared = fields_of(node, "params"), fields_of(node, "outputs")
        for reference, at in zip(references, self._places(item, references), strict=True):
            shown, name = str(reference), reference.path[0]
            if reference.namespace == "params" and name not in known:
                message = f'{shown}: no parameter "{name}" is declared{_hint(name, known)}'
                self.report.add("DOC-031", message, at)
            elif reference.namespace == "outputs" and outputs is False:
                self.report.add("DOC-032", f"{shown} is replaced in `return_prompt` only; here it stays as it is", at)
            elif reference.namespace == "outputs" and outputs and declared and name not in declared:
                message = f'{shown}: no output "{name}" is declared{_hint(name, declared)}'
                self.report.add("DOC-033", message, at)

    def _places(self, item: Node, references: list[templates.Reference]) -> list[Place]:
        """Where the references of a scalar's text stand in the file, whatever its quoting.

        They are found by looking for references in the file's own text; where escapes hide them there,
        the place is the scalar's.
        """
        written = templates.names(self.source.text[item.start : item.end])[: len(references)]
        if [str(reference) for reference in written] != [str(reference) for reference in references]:
            return [item.at] * len(references)
        return [self.source.place(item.start + reference.start) for reference in written]

    def _stages(self, node: Node) -> None:
        seen: dict[str, Node] = {}
        stages = node.fields.get("stages")
        for item in stages.items if stages is not None else []:
            if (name := text_of(item)) is None:
                continue
            if name in seen:
                line, column = seen[name].at
                related = ((f'"{name}" is first declared here', line, column),)
                self.report.add("DOC-038", f'the stage "{name}" is declared twice', item.at, related=related)
            seen.setdefault(name, item)

    def _agents(self, node: Node) -> None:
        agents = node.fields.get("agents")
        taken: dict[str, str] = {}
        for name in agents.fields if agents is not None else ():
            at = agents.key(name) if agents is not None else node.at
            for lua_name in lua_names(name):
                if lua_name in PRIMITIVES:
                    message = f"the agent `{name}` would be `{lua_name}` in Lua, which is a primitive; rename it"
                    self.report.add("DOC-040", message, at)
                elif lua_name in taken and agents is not None:
                    other = taken[lua_name]
                    related = ((f"`{other}` is declared here", *agents.key(other)),)
                    message = f"the agents `{other}` and `{name}` are both `{lua_name}` in Lua; rename one"
                    self.report.add("DOC-039", message, at, related=related)
                    break
                taken.setdefault(lua_name, name)

    def _review_default(self, name: str, point: Node) -> None:
        options, default = point.fields.get("options"), text_of(point.fields.get("default"))
        if options is None or not options.items or default is None or text_of(point.fields.get("type")) != "review":
            return
        labels = [text_of(item) or text_of(item.fields.get("label")) or "" for item in options.items]
        if default.casefold() not in [label.casefold() for label in labels]:
            hint = did_you_mean(default, labels)
            message = f'`default` of {name}: "{default}" is not one of the options{hint}'
            self.report.add("DOC-041", message, point.fields["default"].at)

    def _lua(self, node: Node) -> None:
        exact = keeps_lines(node, self.source.place(node.end)[0])
        if not exact:
            message = "Lua text of several lines must be written with `|`, or its lines in errors will not be right"
            self.report.add("DOC-052", message, node.at)
        column = 1 if node.style in ("|", ">") else node.at[1]
        self.compiler.check(source_of(node, self.report.file), self.report, self.source, column, exact=exact)


def _hint(name: str, known: Collection[str]) -> str:
    """The nearest known name, where looking for it takes no time that a person would notice."""
    return did_you_mean(name, known) if len(known) <= 300 else ""


def _lua_nodes(node: Node) -> Iterator[Node]:
    guards = node.fields.get("guards")
    agents = [agent.fields.get("prepare") for agent in fields_of(node, "agents").values()]
    for item in (node.fields.get("code"), node.fields.get("workflow"), *(guards.items if guards else ()), *agents):
        if item is not None and text_of(item):
            yield item
