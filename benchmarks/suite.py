"""The JSON Schema Test Suite, as schemas to be asked for."""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema.validators import validator_for
from referencing import Registry
from referencing.jsonschema import DRAFT7, DRAFT202012

from agentsys.guide import guide

DRAFTS = {
    "2020-12": (DRAFT202012, "https://json-schema.org/draft/2020-12/schema"),
    "7": (DRAFT7, "http://json-schema.org/draft-07/schema#"),
}


@dataclass(frozen=True)
class Case:
    """One schema of the suite."""

    draft: str
    place: str
    schema: Any

    @property
    def key(self) -> str:
        """What its outcomes are kept under: of the schema and of what is made of it."""
        made = guide(self.schema)
        text = json.dumps([self.draft, self.schema, made.regex, made.unenforced])
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    @property
    def claim(self) -> str:
        """How far its replies are said to be held to it."""
        found = guide(self.schema)
        if found.regex is None:
            return "refused"
        return "part" if found.unenforced else "whole"


def cases(data: Path) -> list[Case]:
    """All schemas of both drafts, each once. Those of draft 7 do not say so; here they do."""
    found: dict[str, Case] = {}
    for draft, (_, uri) in DRAFTS.items():
        with gzip.open(data / f"draft{draft}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                test = json.loads(line)
                schema = test["schema"]
                if isinstance(schema, bool):  # a request takes objects; this is the same
                    schema = {} if schema else {"not": {}}
                schema = {"$schema": uri, **schema}
                name = f"{draft} {json.dumps(schema)}"
                found.setdefault(name, Case(draft, f"{test['file']}: {test['group']}", schema))
    return list(found.values())


class Judge:
    """Says whether a text is valid; knows the documents that the suite refers to."""

    def __init__(self, data: Path) -> None:
        with gzip.open(data / "remotes.json.gz", "rt", encoding="utf-8") as file:
            remotes = json.load(file)
        self._registries = {
            draft: Registry().with_resources(
                (f"http://localhost:1234/{path}", kind.create_resource(body))
                for path, body in remotes.items()
            )
            for draft, (kind, _) in DRAFTS.items()
        }

    def outcome(self, case: Case, text: str) -> str:
        """`valid`, `invalid`, or `unknown` where jsonschema cannot read the schema."""
        try:
            value = json.loads(text)
        except ValueError:
            return "invalid"
        default = validator_for({"$schema": DRAFTS[case.draft][1]})
        kind = validator_for(case.schema, default=default)
        validator = kind(case.schema, registry=self._registries[case.draft])
        try:
            return "valid" if validator.is_valid(value) else "invalid"
        except Exception:  # of many kinds: patterns that Python cannot read, unknown references
            return "unknown"
