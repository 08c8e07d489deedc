"""The examples: each is right, runs offline with the answers beside it, and ends as it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core import document
from proc_tui.core.errors import GuardError
from proc_tui.core.journal.events import Alerted, AttemptBegan, Logged, NodeCreated, Notified
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Operator
from proc_tui.core.scripted import AnswersFile
from proc_tui.core.testing import FilePerson, play_file
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
    "price_quote": {"net": "597.30", "tax": "119.46", "gross": "716.76"},
    "queue_watch": {"rounds": 5, "length": 17, "grew": True},
    "rate_import": {"rates": {"USD": 1.08, "GBP": 0.85, "CHF": 0.96}, "attempts": 3},
    "refund": {"refunded": 1500, "currency": "EUR", "partial": True},
    "release": {"outcome": "rolled back", "running": {"staging": "5.2.0", "production": "5.1.3"}},
    "route_search": {
        "route": ["Utrecht", "Amersfoort", "Zwolle", "Assen", "Groningen"],
        "km": 197,
        "candidates": 10,
    },
    "sales_report": {"total": 233.5, "days": 1, "bytes": 28},
    "supplier_onboarding": {
        "status": "active",
        "contact": "Lena Brandt <lena@nordwind.example>",
        "terms": "Payment within **30 days**, delivery within **7 days**, no minimum order.",
    },
    "support_session": {"answer": "We are sorry. Bring it by, and we repair it while you wait.", "messages": 3},
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
