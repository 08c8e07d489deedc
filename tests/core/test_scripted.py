"""Files of answers: what they may say, what is wrong with them, and which answer is meant for whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from proc_tui.core.errors import AnswersError
from proc_tui.core.model.states import RunStatus
from proc_tui.core.scripted import AnswersFile, Scripted
from proc_tui.core.testing import FilePerson, Played, play


def said(tmp_path: Path, text: str) -> AnswersFile:
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    return AnswersFile.load(path)


def asked(code: str, answers: AnswersFile, **keys: Any) -> Played:
    return play(code, answers=FilePerson(answers), **keys)


ASKS_EVERYTHING = """
local approved = Human.approve{message = "Ship it?"}
local city = Human.input{message = "Where to?"}
local review = Human.review{message = "Good?", artifact = {n = 1}}
local note = Human.escalate{message = "Help"}.note
return {approved, city, review.decision, review.feedback, review.edited_artifact, note}
"""


@pytest.mark.parametrize(
    "text",
    [
        """
- approve: true
- input: Rotterdam
- review: {decision: approve, feedback: fine, edited_artifact: {n: 2}}
- escalate: {note: done}
""",
        """
- true
- Rotterdam
- {decision: approve, feedback: fine, artifact: {n: 2}}
- note: done
""",
        """
- {approve: true}
- {text: Rotterdam}
- {approve: true, feedback: fine, for: {type: review}}
- done
""",
    ],
)
def test_an_answer_can_be_written_in_several_ways(text: str, tmp_path: Path) -> None:
    # Whoever only approves edits nothing.
    code = ASKS_EVERYTHING.replace("review.edited_artifact", "{n = 2}") if "for:" in text else ASKS_EVERYTHING
    answers = said(tmp_path, text)
    assert asked(code, answers).result == [True, "Rotterdam", "Approve", "fine", {"n": 2}, "done"]
    assert answers.leftover == ()


def test_a_list_of_python_data_says_the_same(tmp_path: Path) -> None:
    answers = AnswersFile.of([True, "Rotterdam", {"review": {"decision": "Reject"}}, {"note": "done"}])
    assert asked("return Human.approve{message = 'a'}", AnswersFile.of([False])).result is False
    assert [str(item) for item in answers.leftover] == [
        "answers:1: approved: True",
        "answers:2: Rotterdam",
        "answers:3: decision: Reject",
        "answers:4: note: done",
    ]


def test_numbers_are_texts_as_they_were_written(tmp_path: Path) -> None:
    code = 'return {Human.input{message = "a"} , (Human.input{message = "b"})}'
    assert asked(code, said(tmp_path, "- input: 007\n- 1.50\n")).result == ["007", "1.50"]


def test_an_item_with_for_is_taken_by_the_first_request_that_it_fits(tmp_path: Path) -> None:
    answers = said(
        tmp_path,
        """
- {input: for blue, for: {message: blue}}
- {input: first}
- {input: for the point, for: {point: colour, type: input}}
- {input: for the child, for: {procedure: child}}
- {input: second}
""",
    )
    played = asked(
        """
return {Human.input{message = "red?"}, Human.input("colour"), Human.input{message = "blue?"},
        Procedure.run("child"), (Human.input{message = "green?"})}
""",
        answers,
        hitl={"colour": {"type": "input", "message": "which?"}},
        procedures={"child": {"code": 'return Human.input{message = "red?"}'}},
    )
    assert played.result == ["first", "for the point", "for blue", "for the child", "second"]


def test_several_people_and_a_word_to_type(tmp_path: Path) -> None:
    answers = said(tmp_path, "- {approve: true, by: ann, confirm: go}\n- {approve: true, by: bob, confirm: go}\n")
    played = asked(
        'return Human.approve("danger")',
        answers,
        hitl={"danger": {"type": "approval", "message": "Now?", "confirm": "go", "approvals": 2}},
    )
    assert played.result is True
    assert [item.by for item in played.fold.requests.requests.values()] == ["ann, bob"]


def test_a_request_can_be_left_to_time_out(tmp_path: Path) -> None:
    answers = said(tmp_path, "- timeout: true\n- true\n")
    code = 'return {Human.approve{message = "a", timeout = 60, on_timeout = "retry"}}'
    played = asked(code, answers)
    assert played.result == [True, False]
    assert played.clock.now() - played.run.created_at >= 60
    (first, second) = played.asked
    assert (first.attempt, second.attempt) == (1, 2)


def test_a_request_without_a_limit_cannot_be_left_to_time_out(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match=r"answers\.yaml:1: request .* has no time limit"):
        asked('Human.approve{message = "a"}', said(tmp_path, "- timeout: true\n"))


@pytest.mark.parametrize(
    ("text", "code", "problem"),
    [
        ("- input: x\n", 'Human.approve{message = "Ship"}', 'an answer to an input, but play .* for approval: "Ship"'),
        ("- {decision: x}\n", 'Human.input{message = "a"}', "a review, but play .* asks for input"),
        ("- x\n", 'Human.approve{message = "Ship?"}', 'the text "x", but play .* asks for approval'),
        ("- true\n", 'Human.input{message = "a"}', "an answer to an approval, but play .* asks for input"),
    ],
)  # fmt: skip
def test_an_answer_of_another_type_is_refused(text: str, code: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match=r"answers\.yaml:1: this is " + problem):
        asked(code, said(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: 1", ["1: answers must be a list"]),
        ("- {aprove: true}", ['1: "aprove" is not known here; did you mean "approve"?']),
        ("- approve: maybe", ["1: expected true or false"]),
        ("- input: true", ["1: expected a text"]),
        ("- {input: a, note: b}", ["1: this item has two different answers"]),
        ("- {by: ann}", ["1: this item has no answer"]),
        ("- timeout: 5", ["1: timeout: true is the only form"]),
        ("- {say: a, approve: true}", ["1: this item has two different answers"]),
        ("- say: {}", ["1: expected a text"]),
        ("- {say: a, confirm: go}", ["1: a message is said by somebody (`by`) to a procedure"]),
        ("- {say: a, for: {message: b}}", ["1: a message is said by somebody (`by`) to a procedure"]),
        ("- {approve: true, by: 5}", ["1: expected a name"]),
        ("- {approve: true, for: {proc: x}}", ['1: "proc" is not known here']),
        ("- {approve: true, for: x}", ["1: `for` is a map of"]),
        ("- {approve: true, for: {type: aproval}}", ['1: "aproval" is not a type of request; did you mean "appro']),
        ("- review: {note: x}", ['1: "note" is not known here']),
        ("- []", ["1: an answer is true, false, a text, or a map"]),
        ("-", ["1: an answer is true, false, a text, or a map"]),
        ("- true\n- [", ["not valid YAML"]),
        ("- {a: 1, a: 2}", ["1: `a` is given twice"]),
        ("- approve: 1\n- true\n- input: {}\n", ["1: expected true or false", "3: expected a text"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_is_listed_with_its_line(text: str, problems: list[str], tmp_path: Path) -> None:
    with pytest.raises(AnswersError) as caught:
        said(tmp_path, text)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert line.startswith(f"{tmp_path / 'answers.yaml'}:")
        assert problem in line


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match=r'cannot read the answers ".*none\.yaml": No such file'):
        AnswersFile.load(tmp_path / "none.yaml")


def test_an_empty_file_answers_nothing(tmp_path: Path) -> None:
    assert said(tmp_path, "# nobody\n").leftover == ()


CHATS = """
local first, by = Human.chat{message = "Well?"}
local agreed = Human.approve{message = "Really?"}
return {first, by, agreed, (Human.chat())}
"""


def test_messages_are_said_to_a_run_that_waits_in_a_chat(tmp_path: Path) -> None:
    answers = said(tmp_path, "- {say: hello, by: eve}\n- say: 7\n- approve: true\n")
    played = asked(CHATS, answers)
    assert played.result == ["hello", "eve", True, "7"]
    assert answers.leftover == ()


def test_a_message_with_for_is_said_to_that_procedure(tmp_path: Path) -> None:
    answers = said(tmp_path, "- say: first\n- {say: to the child, for: {procedure: child}}\n- say: second\n")
    code = 'return {(Human.chat()), Procedure.run("child"), (Human.chat())}'
    played = asked(code, answers, procedures={"child": {"code": "return (Human.chat())"}})
    assert played.result == ["first", "to the child", "second"]


def test_a_chat_for_which_nothing_is_left_to_say_waits(tmp_path: Path) -> None:
    played = asked("return (Human.chat())", said(tmp_path, ""))
    assert played.status is RunStatus.WAITING_FOR_HUMAN
    limited = asked("return (Human.chat{timeout = 60})", said(tmp_path, ""))
    assert limited.result is None


def test_what_was_said_before_is_skipped_in_a_later_play(tmp_path: Path) -> None:
    text = "- say: one\n- say: two\n- say: three\n"
    code = """
local all = {}
for i = 1, 3 do all[i] = Human.chat() end
return all
"""
    folder = tmp_path / "workspace"
    folder.mkdir()
    first = play(code, folder=folder, upto="WAITING_FOR_HUMAN")
    first.operator.send(first.run, "one")
    first.go_on(upto="WAITING_FOR_HUMAN")
    first.operator.send(first.run, "two")
    again = play(code, folder=folder, answers=FilePerson(said(tmp_path, text)))
    assert again.result == ["one", "two", "three"]


def test_what_was_answered_before_is_skipped_in_a_later_play(tmp_path: Path) -> None:
    text = "- one\n- {input: two, by: bob}\n- three\n"
    code = """
local all = {}
for i = 1, 3 do all[i] = Human.input{message = "word " .. i} end
return all
"""
    folder = tmp_path / "workspace"
    folder.mkdir()
    first = play(code, folder=folder, answers=FilePerson(said(tmp_path, text)), upto="WAITING_FOR_HUMAN")
    first.operator.answer(first.operator.inbox()[0].id, Scripted(text="one"))
    again = play(code, folder=folder, answers=FilePerson(said(tmp_path, text)))
    assert again.result == ["one", "two", "three"]
