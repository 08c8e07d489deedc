"""`export --format html`: one page of a run, whole, safe, and bounded."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.operator import Given, Operator
from proc_tui.tui.page import document, reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOID = {"meta", "input", "rect", "br", "hr"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "nav", "main", "section", "article", "footer",
    "div", "span", "p", "pre", "h1", "h2", "h3", "h4", "h5", "small", "strong", "b", "ul", "li", "dl", "dt", "dd",
    "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "time", "svg", "rect", "br",
    "fieldset", "legend", "input", "label", "ins", "del",
}  # fmt: skip
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


class Page(HTMLParser):
    """The page as a browser takes it apart; it must be well-formed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.parts: dict[str, str] = {}
        """The text of each part of the page, by its id."""
        self.words: str = ""
        self._open: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag not in VOID:
            self._open.append((tag, given.get("id") or "" if tag == "section" else ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if any(tag == "style" for tag, _ in self._open):
            return
        self.words += data
        for _, part in self._open:
            if part:
                self.parts[part] = self.parts.get(part, "") + data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag == name]


@pytest.fixture
def export(proc: Any) -> Callable[..., Page]:
    return lambda run, *args: Page(proc("export", run, "--format", "html", *args).stdout)


WHOLE = """
name: whole
version: "2.1"
params: {who: {type: string, default: Ada}}
stages: [draft, decide]
code: |
  Stage.set("draft")
  Log.debug("small things")
  Log.info("hello", {size = 3})
  Log.warn("look out")
  local root = GraphNode.create("the root", {score = 0.5})
  GraphNode.create("a better one", {score = 0.9, why = "shorter"}, root)
  Step.run("compose", function() Step.run("inner", function() return 1 end) return 2 end)
  pcall(function() Step.run("breaks", function() error("it broke here") end) end)
  Stage.set("decide")
  State.set("color", "blue")
  Human.notify{message = "Nearly there", content = "One more thing"}
  local answer = Human.review{
    message = "Send it?", artifact = "first\\nsecond\\nthird", artifact_type = "text", context = {cost = 12},
    options = {"approve", "reject"},
  }
  return {decision = answer.decision}
"""


@pytest.fixture
def whole(proc: Any) -> str:
    """A run of a bit of everything, answered twice: the first answer was taken back."""
    (proc.folder / "whole.yaml").write_text(WHOLE.lstrip())
    run = proc.json("run", "whole", code=3)["run"]
    with Operator.open(proc.folder) as operator:
        (request,) = operator.inbox(run=run)
        operator.answer(request.id, Given(decision="Reject"), by="Ben", effective_in=60)
        assert operator.undo(request.id, by="Ben")
        edited = Given(decision="Approve", feedback="with a better end", artifact="first\nsecond\nlast")
        operator.answer(request.id, edited, by="Ada")
    proc("resume", run)
    return run


class TestWhatItShows:
    def test_every_part_of_a_run_is_in_it(self, export: Callable[..., Page], whole: str) -> None:
        page = export(whole)
        assert list(page.parts) == [
            "overview", "timeline", "conversation", "checkpoints", "state", "graph", "log", "source",
        ]  # fmt: skip
        links = [attrs["href"] for attrs in page.named("a")]
        assert {f"#{part}" for part in page.parts} <= set(links)
        assert "whole 2.1 ✓ completed" in page.words
        assert "who: Ada" in page.parts["overview"]
        assert "decision: Approve" in page.parts["overview"]
        assert "color: blue" in page.parts["state"]

    def test_links_within_the_page_lead_somewhere_and_none_leads_out(
        self, export: Callable[..., Page], whole: str
    ) -> None:
        page = export(whole)
        ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
        assert len(ids) == len(set(ids))
        for attrs in page.named("a"):
            target = attrs["href"] or ""
            assert target.startswith("#")
            assert target[1:] in ids

    def test_stages_and_nested_operations_are_bars(self, export: Callable[..., Page], whole: str) -> None:
        page = export(whole)
        timeline = page.parts["timeline"]
        for name in ("stage draft", "stage decide", "compose", "inner", "breaks", "review#1"):
            assert name in timeline
        kinds = {str(attrs["class"]) for attrs in page.named("rect")}
        assert {"stage", "work", "failed", "waits"} <= kinds
        assert [attrs["class"] for attrs in page.named("th") if attrs.get("title") == "inner"] == ["l1"]

    def test_a_request_has_its_answers_with_who_when_note_digest_and_what_was_edited(
        self, export: Callable[..., Page], whole: str
    ) -> None:
        page = export(whole)
        said = page.parts["conversation"]
        for words in (
            "Send it?", "cost: 12", "first\nsecond\nthird", "offered: Approve, Reject", "→ Reject by Ben",
            "taken back by Ben",
            "→ Approve by Ada", "with a better end", "- third", "+ last", "digest ", "via api",
        ):  # fmt: skip
            assert words in said, words
        assert len(page.named("del")) == len(page.named("ins")) == 1
        with_digest = re.findall(r"digest (?:of the edited artifact )?([0-9a-f]{16})", said)
        assert len(set(with_digest)) == 2

    def test_checkpoints_say_name_line_outcome_and_error(self, export: Callable[..., Page], whole: str) -> None:
        table = export(whole).parts["checkpoints"]
        for words in ("compose", "✓ done", "✖ failed", "it broke here", "review#1"):
            assert words in table

    def test_the_graph_is_nested_with_scores_and_the_current_node(
        self, export: Callable[..., Page], whole: str
    ) -> None:
        page = export(whole)
        graph = " ".join(page.parts["graph"].split())
        assert "0.5 the root node-1" in graph
        assert "0.9 a better one node-2 · current" in graph
        assert "why: shorter" in graph

    def test_the_log_is_narrowed_without_a_script(self, export: Callable[..., Page], whole: str) -> None:
        page = export(whole)
        classes = [attrs.get("class") for attrs in page.named("input")]
        assert classes == ["from-all", "from-info", "from-warn"]
        assert [attrs["class"] for attrs in page.named("tr") if attrs.get("class") in ("debug", "info", "warn")] == [
            "debug", "info", "warn", "info",
        ]  # fmt: skip

    def test_the_source_is_numbered_coloured_and_says_what_ran(self, export: Callable[..., Page], whole: str) -> None:
        page = export(whole)
        text = page.parts["source"]
        assert "1name: whole" in text
        assert re.search(r"1×8 +Log.info", text), text
        assert {"y-string", "y-agent"} <= {str(attrs.get("class")) for attrs in page.named("span")}

    def test_an_earlier_moment_shows_what_was_known_then(
        self, export: Callable[..., Page], proc: Any, whole: str
    ) -> None:
        events = proc.json("export", whole)["events"]
        asked = next(event["seq"] for event in events if event["kind"] == "requested")
        page = export(whole, "--at", str(asked))
        assert f"As it was at event {asked} of {len(events)}" in page.words
        assert "going on" in page.words
        assert "waits for an answer" in page.parts["conversation"]
        assert "Ada" not in page.parts["conversation"]
        early = export(whole, "--at", "1")
        assert list(early.parts) == ["overview", "source"]
        assert "no event 999" in proc("export", whole, "--format", "html", "--at", "999", code=2).stderr
        assert "--format html" in proc("export", whole, "--at", "1", code=2).stderr

    def test_a_failed_run_says_why_at_which_line(self, export: Callable[..., Page], proc: Any) -> None:
        run = proc.json("run", "boom", code=1)["run"]
        page = export(run)
        overview = page.parts["overview"]
        assert "boom.yaml:6: it broke" in overview
        assert [attrs["class"] for attrs in page.named("span") if "here" in (attrs.get("class") or "")] == ["line here"]
        assert 'error("it broke")' in overview

    def test_children_are_in_the_page_folded_and_share_a_source(self, export: Callable[..., Page], proc: Any) -> None:
        run = proc.json("run", "family", code=3)["run"]
        page = export(run)
        assert "It asks" not in page.words, "it is a child that asks"
        assert page.parts["children"].count("✓ completed") == 2
        assert page.parts["r1-source"].strip().startswith("Source\nThe same text as above.")
        assert "child 1" in page.parts["r1-log"]
        waiting = next(part for part in page.parts if part.endswith("-conversation"))
        assert "May the second?" in page.parts[waiting]

    def test_agents_are_in_it_with_calls_and_what_they_were_told_folded(
        self, export: Callable[..., Page], proc: Any, project: Path
    ) -> None:
        examples = project / "examples"
        for name in ("poet.yaml", "poet.replies.yaml", "poet.answers.yaml"):
            (proc.folder / name).write_text((examples / name).read_text())
        run = proc.json("run", "poet", "--replies", str(proc.folder / "poet.replies.yaml"), "--answers",
                        str(proc.folder / "poet.answers.yaml"))["run"]  # fmt: skip
        page = export(run)
        said = page.parts["conversation"]
        assert "system prompt" in said
        folded = [attrs for attrs in page.named("details") if "internal" in (attrs.get("class") or "")]
        assert folded
        assert not any("open" in attrs for attrs in folded)
        assert "Tokens" in page.words
        assert [attrs["class"] for attrs in page.named("input")][:3] == ["only-all", "only-people", "only-agents"]


EVIL = (
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onload="x',
    "' onclick='x", "</pre></style></title><h1>", "<!--", "]]>", "&lt;b&gt;", "javascript:alert(1)", "{{x}}",
    "\x1b[31m", "\x00\x07\x9b", "\u202egnp.exe", "\u2066\u2069\u200b\ufeff", "\u2028", "Z\u0351\u0351\u0351algo",
    "‹U+202E›", "<svg onload=x>", "\r\n--x", "\U0001f600", "\u200f\u05e9\u05dc", "<a href=//evil>", "é" * 3000,
)  # fmt: skip
HOSTILE = """
name: hostile
version: "1"
params: {evil: {type: string, required: true}}
code: |
  local evil = params.evil
  Stage.set(evil)
  State.set("k" .. evil, {[evil] = evil})
  Log.info(evil, {[evil] = evil})
  Log.error(evil, evil)
  Human.notify{message = evil, content = evil .. "\\n" .. evil}
  System.alert{message = evil, source = evil, level = "error"}
  local node = GraphNode.create(evil, {x = evil, status = evil, score = 1})
  GraphNode.create({[evil] = evil}, {}, node)
  Session.append("user", evil)
  Step.run("s" .. evil:gsub("#", ""), function() return evil end)
  Human.review{message = evil, artifact = evil, artifact_type = evil, context = evil,
    options = {{label = "A" .. evil, type = "action"}, {label = "B" .. evil, type = "cancel"}}, timeout = 900}
  error(evil)
"""


class TestSafety:
    @pytest.mark.parametrize("evil", EVIL, ids=lambda text: text.encode("unicode_escape").decode()[:24])
    def test_nothing_of_a_run_is_markup(self, proc: Any, evil: str) -> None:
        (proc.folder / "hostile.yaml").write_text(HOSTILE.lstrip())
        with Operator.open(proc.folder) as operator:
            run = operator.start("hostile", {"evil": evil})
        proc("resume", run.id, code=None)
        with Operator.open(proc.folder) as operator:
            (request,) = operator.inbox()
            given = Given(
                decision=operator.decisions(request)[0], feedback=evil, artifact=evil + evil, typed="c" + evil
            )
            operator.answer(request.id, given, by=evil or "x")
        for code in (None, None):
            text = proc("export", run.id, "--format", "html").stdout
            page = Page(text)
            assert {tag for tag, _ in page.tags} <= ALLOWED
            for tag, attrs in page.tags:
                assert not [name for name in attrs if name.startswith("on") or name in ("src", "srcset", "style")], tag
                assert (attrs.get("href") or "#").startswith("#")
            assert not OBEYED.search(text)
            assert len(page.named("h1")) == 1
            proc("resume", run.id, code=code)

    def test_hidden_characters_are_shown_and_stand_out(self, proc: Any) -> None:
        (proc.folder / "hostile.yaml").write_text(HOSTILE.lstrip())
        with Operator.open(proc.folder) as operator:
            run = operator.start("hostile", {"evil": "a\u202eb"})
        assert 'a<b class="hidden">‹U+202E›</b>b' in proc("export", run.id, "--format", "html").stdout

    def test_the_page_forbids_everything_but_its_own_style(self, proc: Any, whole: str) -> None:
        import base64
        import hashlib

        text = proc("export", whole, "--format", "html").stdout
        page = Page(text)
        (policy,) = [attrs["content"] for attrs in page.named("meta") if attrs.get("http-equiv")]
        (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
        allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy == f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
        assert "url(" not in style
        assert "@import" not in style
        assert "://" not in text

    def test_a_key_that_got_into_a_run_is_taken_out(self, proc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        key = "sk-verysecret-0123456789"
        (proc.folder / ".proc-tui").mkdir(exist_ok=True)
        (proc.folder / ".proc-tui/config.toml").write_text(
            '[models.main]\nmodel = "m"\nbase_url = "http://127.0.0.1:1/v1"\napi_key_env = "OUR_KEY"\n'
        )
        run = proc.json("run", "hello", "-p", f"who={'x' * 390}{key}")["run"]
        assert key in proc("export", run, "--format", "html").stdout
        monkeypatch.setenv("OUR_KEY", key)
        text = proc("export", run, "--format", "html").stdout
        assert "sk-very" not in text
        assert "***" in text


class TestSize:
    @pytest.mark.slow
    def test_a_long_run_is_shortened_and_says_what_is_left_out(
        self, proc: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {"FIRST": 5, "LAST": 10, "MOST_SAID": 10, "MOST_LOG": 20, "MOST_LOUD": 3}.items():
            monkeypatch.setattr(reading, name, value)
        monkeypatch.setattr("proc_tui.tui.page.timeline.FIRST", 5)
        monkeypatch.setattr("proc_tui.tui.page.checkpoints.FIRST", 5)
        monkeypatch.setattr("proc_tui.tui.page.graph.MOST_NODES", 30)
        monkeypatch.setattr("proc_tui.tui.page.graph.MOST_CHILDREN", 12)
        (proc.folder / "long.yaml").write_text(
            'name: long\nversion: "1"\ncode: |\n'
            '  Log.warn("the first warning")\n'
            "  for n = 1, 300 do Log.info('line ' .. n) end\n"
            "  for n = 1, 60 do Step.run('step ' .. n, function() return n end) end\n"
            "  for n = 1, 40 do Human.notify{message = 'note ' .. n} end\n"
            "  local root = GraphNode.create('root', {})\n"
            "  for n = 1, 50 do GraphNode.create('node ' .. n, {}, root) end\n"
            "  State.set('big', string.rep('x', 100000))\n"
            "  return 1\n"
        )
        page = Page(proc("export", proc.json("run", "long")["run"], "--format", "html").stdout)
        assert "320 earlier lines not in this page; warnings and errors of them stand above" in page.parts["log"]
        assert "the first warning" in page.parts["log"]
        assert "note 40" in page.parts["log"]
        assert "30 earlier events of the conversation are left out" in page.parts["conversation"]
        assert "45 operations" in page.parts["timeline"]
        assert "45 operations" in page.parts["checkpoints"]
        assert "step 5" in page.parts["checkpoints"]
        assert "step 6 " not in page.parts["checkpoints"]
        assert "step 60" in page.parts["checkpoints"]
        assert "38 more nodes here" in page.parts["graph"]
        assert "more characters, not in this page" in page.parts["state"]

    def test_how_many_nodes_stand_at_the_top_is_counted(self, proc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("proc_tui.tui.page.graph.MOST_CHILDREN", 2)
        (proc.folder / "wide.yaml").write_text(
            'name: wide\nversion: "1"\ncode: for n = 1, 7 do GraphNode.create("node " .. n) end\n'
        )
        run = proc.json("run", "wide")["run"]
        page = Page(proc("export", run, "--format", "html").stdout)
        assert "5 more nodes here" in page.parts["graph"]

    def test_many_children_are_listed(self, proc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(document, "MOST_RUNS", 1)
        run = proc.json("run", "family", code=3)["run"]
        page = Page(proc("export", run, "--format", "html").stdout)
        assert "2 more runs below this one" in page.parts["children"]
        assert len([attrs for attrs in page.named("details") if attrs.get("class") == "run"]) == 1


class TestLooks:
    def test_words_can_be_read_in_both_schemes(self, project: Path) -> None:
        """At least 4.5 to 1, the contrast that WCAG 2.2 asks of text."""
        style = (project / "tui/page/page.css").read_text()
        schemes = [
            dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})", part))
            for part in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
        ]
        assert len(schemes) == 3
        for scheme in schemes:
            for ground in ("background", "surface", "here", "added", "removed"):
                for ink in ("foreground", "strong"):
                    assert contrast(scheme[ink], scheme[ground]) >= 4.5, (ink, ground)
            for ink in ("quiet", "accent", "wait", "good", "bad", "agent", "string", "number"):
                for ground in ("background", "surface"):
                    assert contrast(scheme[ink], scheme[ground]) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
