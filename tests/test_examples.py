"""The examples: each is right, runs offline with the answers beside it, and ends as it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core import document
from proc_tui.core.errors import GuardError
from proc_tui.core.journal.events import (
    Alerted,
    AttemptBegan,
    Ended,
    Logged,
    NodeCreated,
    Notified,
    Prompted,
    ReplyFailed,
    Said,
)  # fmt: skip
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Operator
from proc_tui.core.scripted import AnswersFile
from proc_tui.core.testing import FilePerson, play_file, scripted
from proc_tui.core.values import to_plain

if TYPE_CHECKING:
    from proc_tui.core.testing import Played

FOLDER = Path(__file__).parent.parent / "examples"
SIDE_FILES = (".params", ".answers", ".replies")
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.endswith(SIDE_FILES))

FINAL_TEXT = """\
One engineer is on call at any time.
They answer within five minutes.
Within a week we write down what happened."""
POEM = """\
Chairs out on the street.
Two radios, one old song.
Nobody goes home."""
FOUND = """\
Frigatebirds sleep in flight, about 42 minutes a day [frigatebirds-2016]. Swifts stay in the air for ten months and
are thought to sleep while they glide [swifts-2019]. White storks rest in trees at night, and nothing suggests that
they sleep while flying [storks-2013]."""

RESULTS: dict[str, object] = {
    "access_audit": {"idle": ["old-backup-job", "intern-2024"], "admins": 2},
    "backfill": {"done": 5, "stopped": False},
    "data_migration": {"copied": 30, "path": ["prepare", "copy", "verify", "switch", "clean"]},
    "disk_watch": {"fullest": "/var/log", "alerts": 3},
    "document_review": {"published": True, "rounds": 3, "text": FINAL_TEXT},
    "expense_claim": {"paid": 329, "refused": ["dinner for twelve"]},
    "hello": {"greeting": "Good morning, world!"},
    "incident": {
        "owner": "ravi",
        "fixed_by": "a second index on payments",
        "handed_over_to": "sofia",
        "timeline": [
            "dana did not answer",
            "ravi took it",
            "restart the workers did not help",
            "drain the queue did not help",
            "handed over to sofia",
            "resolved: a second index on payments",
        ],
    },
    "inventory_count": {
        "pieces": 176,
        "differences": [{"article": "bulb", "difference": -5}, {"article": "switch", "difference": -12}],
        "unknown": ["cable"],
    },
    "invoice_batch": {"sent": 4, "failed": ["1005"], "amount": 555.75, "alarmed": True},
    "monthly_close": {"balance": 223050, "accounts": 3, "report": "2026-03: 3 accounts, balance 2230.50"},
    "nightly_import": {
        "imported": 3,
        "rows": 595,
        "skipped": ["Lisbon"],
        "failed": {"Turin": "Turin: the archive is damaged"},
    },
    "order_fulfilment": {"carrier": "veloce", "reserved": 8, "tracking": "VELOCE-4711"},
    "poet": {"poem": POEM, "approved": True, "versions": 3},
    "press_release": {"headline": "A lamp that follows the daylight", "approved": True, "turns": 5},
    "price_quote": {"net": "597.30", "tax": "119.46", "gross": "716.76"},
    "queue_watch": {"rounds": 5, "length": 17, "grew": True},
    "rate_import": {"rates": {"USD": 1.08, "GBP": 0.85, "CHF": 0.96}, "attempts": 3},
    "refund": {"refunded": 1500, "currency": "EUR", "partial": True},
    "release": {"outcome": "rolled back", "running": {"staging": "5.2.0", "production": "5.1.3"}},
    "research": {"answer": FOUND, "sources": ["frigatebirds-2016", "swifts-2019", "storks-2013"]},
    "route_search": {
        "route": ["Utrecht", "Amersfoort", "Zwolle", "Assen", "Groningen"],
        "km": 197,
        "candidates": 10,
    },
    "sales_report": {"total": 233.5, "days": 1, "bytes": 28},
    "self_optimising": {"outcome": "promoted", "before": 0.6, "after": 1, "versions": 4},
    "supplier_onboarding": {
        "status": "active",
        "contact": "Lena Brandt <lena@nordwind.example>",
        "terms": "Payment within **30 days**, delivery within **7 days**, no minimum order.",
    },
    "support_session": {"answer": "We are sorry. Bring it by, and we repair it while you wait.", "messages": 3},
    "triage": {"queues": {"billing": [4101], "delivery": [4102, 4103]}, "urgent": [4103], "by_people": [4102]},
    "trip_planner": {
        "booked": {"train": {"name": "ICE 707", "price": 89.9}, "hotel": {"name": "Pension Ida", "price": 196}},
        "spent": 285.9,
        "success": True,
        "note": "The train and a quiet hotel are booked.",
    },
    "tutor": {
        "practised": "percentages: shares, a discount, up and down",
        "right": 1,
        "next": "percentages of a changed price",
    },
}


def play_example(name: str, **options: Any) -> Played:
    return play_file(FOLDER / f"{name}.yaml", **options)


@pytest.mark.parametrize("name", EXAMPLES)
def test_has_no_diagnostics(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    procedure, diagnostics = document.examine(path.read_bytes(), path.name, libs=document.pin(path))
    assert [str(item) for item in diagnostics] == []
    assert procedure is not None
    assert procedure.name == name
    assert procedure.description


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_completes_with_its_answers_and_replays_equal(name: str) -> None:
    people = FilePerson(AnswersFile.load(FOLDER / f"{name}.answers.yaml"))
    played = play_example(name, answers=people)
    assert played.status is RunStatus.COMPLETED, played
    assert to_plain(played.result) == RESULTS[name]
    assert people.unused == 0
    assert played.operator.inbox() == []
    played.replay()


def test_the_readme_lists_exactly_the_examples() -> None:
    readme = (FOLDER / "README.md").read_text()
    listed = re.findall(r"^- \[(\w+)\.yaml\]\((\w+)\.yaml\): \S", readme, re.MULTILINE)
    assert all(shown == target for shown, target in listed)
    assert sorted(shown for shown, _ in listed) == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_says_first_what_it_shows_and_has_its_side_files(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    assert path.read_text().startswith("# Shows: ")
    assert path.with_name(f"{name}.answers.yaml").exists()
    assert path.with_name(f"{name}.replies.yaml").exists() == ("agents:" in path.read_text())
    procedure = document.load(path.read_bytes(), path.name, libs=document.pin(path))
    needs_params = any(field.required for field in procedure.params.values())
    assert path.with_name(f"{name}.params.yaml").exists() == needs_params or not needs_params


@pytest.mark.slow
def test_a_workspace_of_all_examples_knows_each_by_its_name(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    with Operator.open(tmp_path) as operator:
        assert sorted(operator.procedures()) == EXAMPLES
        for name in EXAMPLES:
            assert operator.program(name).procedure.name == name


# ---- what the results alone do not show


def test_release_asks_two_others_for_production_and_writes_each_change_once() -> None:
    played = play_example("release")
    asked = {request.point: request.data for request in played.asked}
    assert asked["production"]["approvals"] == 2
    assert asked["production"]["not_starter"] is True
    assert asked["production"]["confirm"] == "checkout"
    history = (played.folder / "output/deployments-production.txt").read_text()
    assert history == "checkout 5.2.0\ncheckout 5.1.3\n"
    assert [child.run.procedure for child in played.children] == ["deploy"] * 3
    assert [alert.level for alert in played.events(Alerted)] == ["error"]


def test_release_that_is_fine_is_released_without_another_question() -> None:
    params = {"service": "checkout", "version": "5.2.0", "previous": "5.1.3"}
    answers = [
        {"approved": True},
        {"approved": True, "typed": "checkout", "by": "mira"},
        {"approved": True, "typed": "checkout", "by": "jonas"},
    ]
    played = play_example("release", params=params, answers=answers)
    assert to_plain(played.result) == {
        "outcome": "released",
        "running": {"staging": "5.2.0", "production": "5.2.0"},
    }


def test_release_that_nobody_approves_in_a_day_is_declined() -> None:
    started = play_example("release", answers=())
    assert to_plain(started.result) == {
        "outcome": "declined",
        "running": {"staging": "5.1.3", "production": "5.1.3"},
    }
    assert started.clock.now() - started.run.created_at >= 86400


def test_invoice_batch_below_the_threshold_alarms_nobody() -> None:
    invoices = [{"number": str(number), "amount": 10} for number in range(9)]
    invoices.append({"number": "9", "amount": 10, "fails": 99})
    played = play_example("invoice_batch", params={"invoices": invoices}, answers=())
    assert to_plain(played.result) == {"sent": 9, "failed": ["9"], "amount": 90, "alarmed": False}
    assert played.events(Alerted) == []
    assert [note.message for note in played.events(Notified)] == ["1 invoices were not sent"]


def test_incident_that_nobody_takes_is_escalated() -> None:
    params = {"title": "Payments are slow", "on_call": ["dana"], "runbook": [{"name": "restart", "helps": True}]}
    played = play_example("incident", params=params, answers=[None, None, "the duty manager"])
    assert played.status is RunStatus.COMPLETED
    result = to_plain(played.result)
    assert isinstance(result, dict)
    assert result["owner"] == "the duty manager"
    assert result["fixed_by"] == "restart"
    assert played.clock.now() - played.run.created_at >= 600


def test_nightly_import_reports_the_child_that_failed_and_alerts() -> None:
    played = play_example("nightly_import")
    assert sorted(child.status for child in played.children) == [RunStatus.COMPLETED] * 4 + [RunStatus.FAILED]
    assert [to_plain(alert.context) for alert in played.events(Alerted)] == [{"Turin": "Turin: the archive is damaged"}]


def test_document_review_keeps_every_version() -> None:
    played = play_example("document_review")
    versions = [event.content for event in played.events(NodeCreated)]
    assert versions[0] == "We fix outages when we see them."
    assert len(versions) == 4
    assert versions[-1] == FINAL_TEXT
    assert (played.folder / "output/published.md").read_text().endswith(FINAL_TEXT + "\n")


def test_document_review_stops_when_the_text_is_withdrawn() -> None:
    played = play_example("document_review", answers=["Withdraw"])
    result = to_plain(played.result)
    assert isinstance(result, dict)
    assert (result["published"], result["rounds"]) == (False, 1)


def test_backfill_can_be_stopped_after_any_day() -> None:
    played = play_example("backfill", upto="SLEEPING")
    played.operator.stop(played.run, "enough for today")
    played.go_on()
    assert to_plain(played.result) == {"done": 1, "stopped": True, "reason": "enough for today"}


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"payment": "P", "amount": 0, "paid": 10}, "the amount must be more than zero"),
        ({"payment": "P", "amount": 20, "paid": 10}, "cannot refund 20 of 10 paid"),
    ],
)
def test_refund_refuses_what_the_rules_forbid(params: dict[str, object], why: str) -> None:
    played = play_example("refund", params=params)
    assert played.error == why
    assert played.ended is not None
    assert played.ended.code == GuardError.code
    assert played.events(Logged) == []


def test_queue_watch_begins_a_fresh_journal_in_each_round() -> None:
    played = play_example("queue_watch")
    assert played.run.attempt == 5
    assert len(played.events(AttemptBegan)) == 1
    assert len(played.records) < 10


def test_supplier_who_is_declined_is_not_asked_about_further() -> None:
    params = {"supplier": "Nordwind Papier", "yearly_volume": 10}
    played = play_example("supplier_onboarding", params=params, answers=["a <b@c>", "Decline"])
    assert to_plain(played.result) == {"status": "declined", "contact": "a <b@c>"}
    assert [note.level for note in played.events(Notified)] == ["warning"]


def test_price_quote_refuses_a_price_that_is_none() -> None:
    params = {"customer": "A", "country": "NL", "lines": [{"article": "lamp", "pieces": 1, "price": "much"}]}
    assert '"much" is not an amount' in play_example("price_quote", params=params).error


# ---- examples with agents


def said_to(played: Played, agent: str) -> list[str]:
    """What each turn of an agent said to its model."""
    turns = [event for event in played.events(Prompted) if event.agent == agent]
    return ["\n".join(message.content for message in event.messages) for event in turns]


def calls_of(played: Played, name: str) -> list[Ended]:
    """The calls of a tool, as they ended."""
    return [event for event in played.events(Ended) if event.op == f"tools.{name}"]


def test_poet_is_told_what_the_reader_wants_changed() -> None:
    played = play_example("poet")
    assert said_to(played, "poet") == [
        "Write the first version.",
        "Less about windows. Who is out there?",
        "The middle line limps. Let there be music.",
    ]
    assert [request.message for request in played.asked][-1].endswith("version 3")


def test_poet_stops_when_the_reader_gives_up() -> None:
    played = play_example("poet", answers=["Give up"])
    result = to_plain(played.result)
    assert isinstance(result, dict)
    assert (result["approved"], result["versions"]) == (False, 1)


def test_press_release_gives_the_facts_to_all_and_conversations_to_nobody() -> None:
    played = play_example("press_release")
    assert [message.role for message in played.fold.session.messages] == ["SYSTEM", "USER"]
    (first, second) = said_to(played, "writer")
    assert first == "Write the release."
    assert second.startswith("The editor asks for changes:\n1. ")
    assert "superlative" not in "".join(said_to(played, "researcher"))
    assert (played.folder / "output/press_release.md").read_text().startswith("A lamp that follows the daylight\n\n")
    lines = [event for event in played.events(Logged) if event.message == "writer took a turn"]
    assert all(isinstance(event.context, dict) and event.context["total"] for event in lines)


def test_press_release_lets_the_last_version_stand_when_the_writer_has_no_turns_left() -> None:
    replies = {"researcher": ["- a fact"], "writer": ["One", "Two", "Three"], "editor": ["no", "no", "still no"]}
    played = play_example("press_release", replies=scripted(replies))
    assert to_plain(played.result) == {"headline": "Three", "approved": False, "turns": 7}
    assert [note.level for note in played.events(Notified)] == ["warning"]


@pytest.mark.slow
def test_research_reads_two_texts_in_one_turn_and_cites_nothing_unread() -> None:
    played = play_example("research")
    reads = calls_of(played, "read_text")
    assert [event.failed for event in reads] == [False, False, True, False]
    assert 'there is no text "storks-2012"' in str(reads[2].error)
    assert "sent back" in played.log
    assert [event.attempt for event in played.events(ReplyFailed)] == [1]
    assert said_to(played, "researcher")[3].startswith("You cite what you have not read: storks-2013.")
    assert len(calls_of(played, "search_texts")) == 2


@pytest.mark.slow
def test_research_that_finds_nothing_fails_with_a_report() -> None:
    reply = {"stop": "nothing about owls"}
    played = play_example(
        "research", replies=scripted({"researcher": [reply, "I searched once; ask an ornithologist."]})
    )
    assert played.error.endswith("the library has no answer: nothing about owls")
    assert played.ended is not None
    assert played.ended.summary == "I searched once; ask an ornithologist."


def test_trip_planner_asks_for_each_booking_and_knows_what_is_left() -> None:
    played = play_example("trip_planner")
    assert [request.message for request in played.asked] == [
        "Book ICE 707 for 89.9 euros?",
        "Book Zur Alten Wache for 328 euros?",
        "Book Pension Ida for 196 euros?",
    ]
    assert [event.failed for event in calls_of(played, "book")] == [False, True, False, False]
    prompts = "".join(event.system or "" for event in played.events(Prompted))
    assert re.findall(r"([\d.]+) of them are left", prompts) == ["400.00", "310.10", "114.10"]
    assert sorted(path.name for path in (played.folder / "output/trip").iterdir()) == ["hotel.txt", "train.txt"]


def test_trip_planner_books_nothing_that_nobody_agrees_to_in_a_day() -> None:
    book = {"calls": [{"book": {"kind": "train", "name": "ICE 707", "price": 89.9}}]}
    stop = {"calls": [{"done": {"reason": "nobody agreed", "success": False}}]}
    played = play_example("trip_planner", answers=(), replies=scripted({"coordinator": [book, stop]}))
    assert to_plain(played.result) == {"booked": {}, "spent": 0, "success": False, "note": "nobody agreed"}
    assert played.clock.now() - played.run.created_at >= 86400


@pytest.mark.slow
def test_self_optimising_shows_only_better_prompts_and_promotes_what_was_shown() -> None:
    played = play_example("self_optimising")
    (first, second) = played.asked
    assert first.data["artifact_type"] == "diff"
    assert str(second.data["artifact"]).splitlines()[0] == "  Sort the message into billing, delivery or technical."
    assert [line[0] for line in str(second.data["artifact"]).splitlines()] == [" ", "+", "+", "+"]
    prompts = [event.content for event in played.events(NodeCreated)]
    assert [node.score for node in played.fold.graph.nodes.values()] == [0.6, 0.6, 0.8, 1]
    assert (played.folder / "output/prompt.txt").read_text() == prompts[-1]
    assert [child.run.procedure for child in played.children] == ["measure"] * 4
    measured = [event.system for child in played.children for event in child.events(Prompted) if event.system]
    assert measured == prompts, "nothing but the prompt is measured"


def test_self_optimising_keeps_the_old_prompt_when_the_person_says_so() -> None:
    played = play_example("self_optimising", answers=["Keep"])
    assert to_plain(played.result) == {"outcome": "kept", "before": 0.6, "after": 0.6, "versions": 3}
    assert not (played.folder / "output").exists()


@pytest.mark.slow
def test_triage_mends_what_does_not_fit_and_learns_what_a_person_decided() -> None:
    played = play_example("triage")
    calls = calls_of(played, "classify")
    assert [event.failed for event in calls] == [True, False, False, False]
    assert '"finance"' in str(calls[0].error)
    (asked,) = played.asked
    assert asked.message == "Where does ticket 4102 belong?"
    assert to_plain(asked.data["context"]) == {"the_agent_thinks": "technical", "confidence": 0.4}
    assert [message.content[:39] for message in played.fold.session.messages] == [
        "A person put ticket 4102 into delivery:"
    ]
    assert [alert.message for alert in played.events(Alerted)] == ["Ticket 4103 cannot wait"]


@pytest.mark.slow
def test_triage_asks_a_person_when_the_agent_never_classifies() -> None:
    replies = scripted({"triager": ["hm", "well", "hm", "well", *["hm"] * 20]})
    played = play_example("triage", replies=replies, answers=["Billing", "Technical", "Delivery"])
    result = to_plain(played.result)
    assert isinstance(result, dict)
    assert result["queues"] == {"billing": [4101], "technical": [4102], "delivery": [4103]}
    assert said_to(played, "triager")[1] == "Call classify for ticket 4101."


def test_tutor_says_what_it_asks_and_hears_what_is_said() -> None:
    played = play_example("tutor")
    said = [event.content for event in played.events(Said)]
    assert len(said) == 5
    assert said[0] == "Hello Mina! To warm up. What is 10 percent of 200?"
    assert said_to(played, "tutor")[1:4] == ["20", "50?", "oh. 60"]
    assert {message.by for message in played.fold.session.received} == {"mina"}
    assert played.asked == []


def test_tutor_ends_the_lesson_after_an_hour_of_silence() -> None:
    note = '{"practised": "little", "right": 0, "next": "the same"}'
    played = play_example("tutor", answers=(), replies=scripted({"tutor": ["Hello! What is 10 percent of 200?", note]}))
    assert to_plain(played.result) == {"practised": "little", "right": 0, "next": "the same"}
    assert played.clock.now() - played.run.created_at >= 3600
