"""Which colour a word of code has, by the kind that Pygments gives it: in artifacts, in what models write, in sources.

Belongs here: the one map from kinds to styles. Never: finding a lexer, or lines on the screen.
"""

from __future__ import annotations

from functools import cache

_STYLES = (
    ("Comment", "$quiet"),
    ("Generic.Deleted", "$bad"),
    ("Generic.Emph", "i"),
    ("Generic.Heading", "b $strong"),
    ("Generic.Inserted", "$good"),
    ("Generic.Strong", "b"),
    ("Generic.Subheading", "b $strong"),
    ("Keyword.Constant", "$number"),
    ("Keyword.Type", ""),
    ("Keyword", "$agent"),
    ("Literal.Number", "$number"),
    ("Literal.String", "$string"),
    ("Name.Attribute", "$accent"),
    ("Name.Builtin", "$accent"),
    ("Name.Class", "$accent"),
    ("Name.Function", "$accent"),
    ("Name.Tag", "$accent"),
    ("Operator.Word", "$agent"),
)
"""Kinds and their styles; the first one that a kind is, or is a part of, counts."""


@cache
def style_of(token: object) -> str:
    """The style of a kind of word of Pygments; empty for those that have none."""
    name = str(token).removeprefix("Token.")
    return next((style for kind, style in _STYLES if name == kind or name.startswith(f"{kind}.")), "")
