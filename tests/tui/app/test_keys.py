from __future__ import annotations

import pytest
from proc_tui.tui import keys


def test_ids_are_unique_and_every_layer_has_a_name() -> None:
    assert len({key.id for key in keys.KEYS}) == len(keys.KEYS)
    assert {key.layer for key in keys.KEYS} <= set(keys.LAYERS)


def test_no_layer_gives_one_key_two_meanings() -> None:
    assert keys.clashes({key.id: key.keys for key in keys.KEYS}) == []


def test_nothing_is_on_brackets_and_function_keys_have_a_letter() -> None:
    for key in keys.KEYS:
        names = key.keys.split(",")
        assert not {"left_square_bracket", "right_square_bracket"} & set(names)
        functions = [name for name in names if name[:1] == "f" and name[1:].isdigit()]
        assert len(functions) < len(names), key.id


def test_a_rebound_key_is_in_a_map_of_all_so_that_none_is_lost() -> None:
    whole, problems = keys.keymap({"app": {"inbox": "ctrl+g"}, "lines.down": ["j", "n"]})
    assert whole["app.inbox"] == "ctrl+g"
    assert set(whole) == {key.id for key in keys.KEYS}
    assert problems == ["n means both lines.down and lines.again"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"app.inbx": "i"}, '[keys] has no binding "app.inbx"'),
        ({"app.inbox": ""}, "[keys] app.inbox must be the name of a key, or a list of them"),
        ({"app.inbox": "q"}, "q means both app.back and app.inbox"),
    ],
)
def test_what_is_wrong_is_said(said: dict[str, object], problem: str) -> None:
    assert problem in keys.keymap(said)[1]


def test_the_reference_names_every_key() -> None:
    page = keys.reference()
    assert all(f"`{key.id}`" in page for key in keys.KEYS)
