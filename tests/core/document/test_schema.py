"""The JSON Schema file, which editors read too."""

from __future__ import annotations

import json
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from proc_tui.core.document import SCHEMA_FILE

from .test_loader import FULL

SCHEMA: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def test_the_schema_is_a_valid_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_an_editor_that_knows_only_the_schema_accepts_a_valid_document() -> None:
    Draft202012Validator(SCHEMA).validate(yaml.safe_load(FULL))


def test_every_key_has_a_description() -> None:
    def described(schema: dict[str, Any], path: str) -> list[str]:
        missing = [
            f"{path}.{key}"
            for key, inner in schema.get("properties", {}).items()
            if "description" not in inner and "$ref" not in inner and inner
        ]
        return missing + [name for key, inner in schema.get("$defs", {}).items() for name in described(inner, key)]

    assert described({**SCHEMA, "$defs": {k: v for k, v in SCHEMA["$defs"].items() if "properties" in v}}, "") == []


def test_an_inline_procedure_has_every_key_but_name_and_version() -> None:
    inline = SCHEMA["$defs"]["inline"]["properties"]
    assert set(inline) == set(SCHEMA["properties"]) - {"name", "version"}
    assert all(inner == {"$ref": f"#/properties/{key}"} for key, inner in inline.items())
