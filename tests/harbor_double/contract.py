"""Harbor's own contract, the swagger file, held against each answer; and where the recordings are known to differ."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jsonschema import Draft4Validator  # type: ignore[import-untyped]
from ruamel.yaml import YAML
from starlette.responses import Response

from tests import parts
from tests.harbor_double.differences import DIFFERENCES
from tests.harbor_double.routing import BASE

FILE = parts.SHARED / "harbor-api-2.15.swagger.yaml"


@dataclass(frozen=True)
class Operation:
    """One method of one path, with the schema of each status (None: the answer has no body that it tells of)."""

    name: str
    pattern: re.Pattern[str]
    method: str
    schemas: dict[int, Any]
    asked: Any  # the schema of the body that it takes


@cache
def operations() -> tuple[Operation, ...]:
    """All operations of the contract; paths without parameters first, as they win."""
    document = YAML(typ="safe").load(FILE)
    found = []
    for path, methods in document["paths"].items():
        pattern = re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)) + "$")
        for method, operation in methods.items():
            if method == "parameters":
                continue
            schemas = {}
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    response = document["responses"][response["$ref"].rpartition("/")[2]]
                schema = response.get("schema")
                schemas[int(status)] = {**schema, "definitions": document["definitions"]} if schema else None
            given = [one.get("schema") for one in operation.get("parameters", []) if one.get("in") == "body"]
            asked = {**given[0], "definitions": document["definitions"]} if given else None
            found.append(Operation(f"{method.upper()} {path}", pattern, method.upper(), schemas, asked))
    return tuple(sorted(found, key=lambda one: "{" in one.name))


@cache
def _validator(name: str, status: int) -> Draft4Validator | None:
    operation = next(one for one in operations() if one.name == name)
    schema = operation.schemas[status]
    return Draft4Validator(_strict(schema)) if schema else None


def _strict(schema: Any, within: str = "") -> Any:
    """The schema without what JSON Schema does not know, and with nothing allowed that it does not name.

    A key that the contract does not tell of is a lie as well, so objects with properties take no others.
    """
    if isinstance(schema, list):
        return [_strict(one, within) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: _strict(value, key)
        for key, value in schema.items()
        if within == "properties" or within == "definitions" or key not in ("format", "description", "example")
    }
    if within not in ("properties", "definitions") and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    if within not in ("properties", "definitions") and schema.get("x-nullable"):
        made = {"anyOf": [made, {"type": "null"}]}
    return made


@cache
def _asked(name: str) -> Draft4Validator | None:
    operation = next(one for one in operations() if one.name == name)
    if not operation.asked:
        return None
    names = _types(operation.asked["definitions"], "definitions")
    return Draft4Validator({**_types(operation.asked), "definitions": names})


def _types(schema: Any, within: str = "") -> Any:
    """The types alone: on these Harbor stumbles when it reads a body. A bare `object` can be anything in there."""
    if isinstance(schema, list):
        return schema
    if not isinstance(schema, dict):
        return schema
    if within in ("properties", "definitions"):
        return {key: _types(value) for key, value in schema.items()}
    made = {
        key: _types(value, key)
        for key, value in schema.items()
        if key in ("$ref", "type", "properties", "items", "additionalProperties")
    }
    if made.get("type") == "object" and "properties" not in made:
        del made["type"]
    return {"anyOf": [made, {"type": "null"}]}


def unfit(method: str, path: str, body: Any) -> str:
    """Why Harbor could not read the body of a request, or nothing; unknown names do not matter to it."""
    operation = next((one for one in operations() if one.method == method and one.pattern.match(path)), None)
    validator = _asked(operation.name) if operation else None
    if validator is None:
        return ""
    error = next(validator.iter_errors(body), None)
    if error is None:
        return ""
    while error.context:  # the innermost is the one that tells
        error = max(error.context, key=lambda one: len(one.absolute_path))
    at = ".".join(str(one) for one in error.absolute_path)
    what, wanted = type(error.instance).__name__, error.validator_value
    return f"json: cannot unmarshal {what} into Go struct field {at} of type {wanted}"


def breaches(method: str, path: str, status: int, body: Any, empty: bool = False) -> Iterator[str]:
    """How an answer differs from the contract: `OPERATION STATUS: what`, places without the numbers of lists."""
    operation = next((one for one in operations() if one.method == method and one.pattern.match(path)), None)
    if operation is None:
        if status not in (404, 405):
            yield f"{method} {path} {status}: there is no such operation"
        return
    where = f"{operation.name} {status}"
    if status not in operation.schemas:
        yield f"{where}: no such status"
        status = 400 if status > 400 and 400 in operation.schemas else status
    validator = _validator(operation.name, status) if status in operation.schemas else None
    if validator is None or method == "HEAD":
        if not empty and status < 300 and body is not None and status in operation.schemas and method != "HEAD":
            yield f"{where}: it has a body"
        return
    if empty:
        yield f"{where}: it has no body"
        return
    for error in validator.iter_errors(body):
        at = "/".join("*" if isinstance(one, int) else str(one) for one in error.absolute_path)
        yield f"{where}: {at or '.'} {_reason(error)}"


def _reason(error: Any) -> str:
    if error.validator == "type":
        return f"is {type(error.instance).__name__} and not {error.validator_value}"
    if error.validator == "additionalProperties":
        extra = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        return f"has {', '.join(extra)}"
    return str(error.message)[:100]


@dataclass
class Contract:
    """Watches the answers of one double."""

    violations: list[str] = field(default_factory=list)

    @classmethod
    def shared(cls) -> "Contract | None":
        """A new watch, or None where the shared data is absent (test_contract.py says so)."""
        return cls() if FILE.exists() else None

    def unfit(self, method: str, path: str, body: Any) -> str:
        """Why Harbor could not read a request's body."""
        return unfit(method, path, body)

    def watch(self, method: str, path: str, response: Response) -> None:
        """Look at an answer; what is wrong and not a known difference is kept."""
        below = path.removeprefix(BASE)
        body: Any = None
        raw = bytes(response.body)
        kind = response.headers.get("content-type", "")
        if raw and kind.startswith("application/json"):
            body = json.loads(raw)
        elif raw:
            return  # Pong, and pages of others
        for breach in breaches(method, below, response.status_code, body, not raw):
            known = any(one.matches(breach) for one in DIFFERENCES)
            if not known and breach not in self.violations:
                self.violations.append(breach)
                logging.getLogger(__name__).error("Harbor's contract: %s", breach)
