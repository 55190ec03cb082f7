"""Generates the tables of docs/rest_api.md from the OpenAPI document.

A table is between ``<!-- name -->`` and ``<!-- /name -->``: ``endpoints``, ``event`` (the fields of
a usage event), ``filters``, and one for each endpoint, such as ``get trends/usage``. Only the last
column of fields and parameters, their meaning, is written by hand; it is kept by their names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
import re
from typing import Any, Final

from custom_components.llm_analytics.api.openapi import document
from custom_components.llm_analytics.api.views import PREFIX, ROUTES

PAGE: Final = Path(__file__).parent.parent / "docs" / "rest_api.md"
_BLOCK: Final = re.compile(r"<!-- ([^/].*?) -->\n(.*?)<!-- /\1 -->", re.DOTALL)
_ROW: Final = re.compile(r"^\| (\S+) \|.*\| (.*?) ?\|$", re.MULTILINE)
_FILTERS: Final = "[filters](#filters)"
_NO_TEXT: Final = "^[^\\u0000]*$"  # only excludes NUL
_PATTERNS: Final = {
    "^[A-Za-z0-9_-]{1,64}$": "Home Assistant device ID",
    "^[A-Z]{3}$": "currency code, such as `EUR`",
    "^[0-9]{1,18}-[0-9]{1,18}$": "`next` of an earlier answer",
}
_FORMATS: Final = {
    ("ipv4", "ipv6"): "IP address",
    ("date-time", "number"): "time",
    ("date-time", "number", "date"): "time or date",
    ("ipv4", "ipv6", "string"): "IP address or Home Assistant device ID",
}

type Schema = Mapping[str, Any]
type Row = tuple[str, ...]


def main() -> None:
    """Update the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(text), encoding="utf-8")


def written(text: str) -> str:
    """Return the page with its tables generated from the current code.

    Raises KeyError if a table is unknown to the code, ValueError if one is missing on the page.
    """
    tables = _tables([name for name, _ in _BLOCK.findall(text)])
    missing = tables.keys() - {name for name, _ in _BLOCK.findall(text)}
    if missing:
        raise ValueError(f"docs/rest_api.md has no place for {', '.join(sorted(missing))}")

    def anew(match: re.Match[str]) -> str:
        name, old = match.groups()
        body = tables[name](dict(_ROW.findall(old)))
        return f"<!-- {name} -->\n{body}\n<!-- /{name} -->"

    return _BLOCK.sub(anew, text)


def meanings(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the table's name, the field and the meaning for each row of every table."""
    for name, body in _BLOCK.findall(text):
        if name != "endpoints":
            rows = [row for row in _ROW.findall(body) if row[0] not in ("Field", "Parameter")]
            yield from ((name, *row) for row in rows if row[0] != "---")


def anchor(method: str, path: str) -> str:
    """Return the anchor of an endpoint's heading."""
    return re.sub(r"[^\w\- ]", "", f"{method} {path}".lower()).replace(" ", "-")


def _tables(order: Sequence[str]) -> dict[str, Callable[[Mapping[str, str]], str]]:
    """Return the functions that write each table, given the meanings on the page.

    The endpoints are listed in the order of their tables on the page.
    """
    described = document(ROUTES, (PREFIX,))
    usage = described["components"]["schemas"]["Usage"]
    filters = described["paths"]["/summary"]["get"]["parameters"]
    tables: dict[str, Callable[[Mapping[str, str]], str]] = {
        "endpoints": lambda _: _markdown(
            ("Method", "Path", "Who", "What"), list(_endpoints(described, order))
        ),
        "event": lambda kept: _markdown(
            ("Field", "Type", "Default", "Meaning"),
            [
                (
                    f"`{name}`",
                    _type(one),
                    _default(one, name in usage["required"]),
                    *_kept(kept, name),
                )
                for name, one in usage["properties"].items()
            ],
        ),
        "filters": lambda kept: _markdown(
            ("Parameter", "Type", "Meaning"),
            [
                (f"`{one['name']}`", _type(one["schema"]), *_kept(kept, one["name"]))
                for one in filters
            ],
        ),
    }
    names = {one["name"] for one in filters}
    for route in ROUTES:
        operation = described["paths"][f"/{route.path}"][route.method]
        tables[f"{route.method} {route.path}"] = _endpoint(route, operation, names)
    return tables


def _endpoint(
    route: Any, operation: Schema, filters: set[str]
) -> Callable[[Mapping[str, str]], str]:
    statuses = ", ".join(operation["responses"])

    def written_with(kept: Mapping[str, str]) -> str:
        head = f"Access: {_who(route)}. Status codes: {statuses}."
        rows = list(_parameters(operation, kept, filters))
        if not rows:
            return head
        return f"{head}\n\n" + _markdown(("Parameter", "In", "Type", "Default", "Meaning"), rows)

    return written_with


def _parameters(operation: Schema, kept: Mapping[str, str], filters: set[str]) -> Iterator[Row]:
    given = {one["name"]: one for one in operation.get("parameters", ())}
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json", {}).get("schema", {})
    fields = body.get("properties", {})
    filtered = filters <= given.keys()
    for name, one in given.items():
        if filtered and name in filters:
            continue
        place = f"{one['in']} or body" if name in fields else one["in"]
        yield (
            f"`{name}`",
            place,
            _type(one["schema"]),
            _default(one["schema"], one["required"]),
            *_kept(kept, name),
        )
    for name, one in fields.items():
        if name not in given:
            required = name in body.get("required", ())
            yield f"`{name}`", "body", _type(one), _default(one, required), *_kept(kept, name)
    if filtered:
        yield _FILTERS, "query", "", "", kept.get(_FILTERS, "")


def _endpoints(described: Schema, order: Sequence[str]) -> Iterator[Row]:
    known = [route for route in ROUTES if f"{route.method} {route.path}" in order]
    for route in sorted(known, key=lambda route: order.index(f"{route.method} {route.path}")):
        summary = described["paths"][f"/{route.path}"][route.method]["summary"]
        link = f"[`/{route.path}`](#{anchor(route.method, route.path)})"
        yield route.method.upper(), link, _who(route), summary


def _who(route: Any) -> str:
    if route.admin:
        return "administrators"
    if route.records:
        return "users who may record"
    return "users who may read" if route.reads else "all users"


def _kept(kept: Mapping[str, str], name: str) -> tuple[str]:
    return (kept.get(f"`{name}`", ""),)


def _default(schema: Schema, required: bool) -> str:  # noqa: FBT001 - the name of the keyword in schemas
    if required:
        return "**Required**"
    if "default" not in schema:
        return ""
    value = schema["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(schema: Schema) -> str:
    """Return what a schema accepts, as text."""
    if "anyOf" in schema:
        return _one_of(list(_forms(schema)))
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    match schema["type"]:
        case "integer" | "number" as kind:
            words = f"{kind}, {schema['minimum']:,} to {schema['maximum']:,}"
        case "boolean":
            words = "`true` or `false`"
        case "array":
            words = f"list of up to {schema['maxItems']}; each: {_type(schema['items'])}"
        case "object":
            words = f"object: {schema['description'].rstrip('.').lower().replace('json', 'JSON')}"
        case _:
            words = _text(schema)
    return words


def _text(schema: Schema) -> str:
    if "format" in schema:
        return str(schema["format"])
    if schema["pattern"] != _NO_TEXT:
        return _PATTERNS[schema["pattern"]]
    least, most = schema["minLength"], schema["maxLength"]
    return f"text, {least} to {most} characters" if least else f"text, up to {most} characters"


def _one_of(schemas: Sequence[Schema]) -> str:
    forms = [one for one in schemas if one["type"] != "null"]
    words = (
        _type(forms[0])
        if len(forms) == 1
        else _FORMATS[tuple(one.get("format", one["type"]) for one in forms)]
    )
    return words if len(forms) == len(schemas) else f"{words}, or `null`"


def _forms(schema: Schema) -> Iterator[Schema]:
    for one in schema.get("anyOf", (schema,)):
        if one is schema:
            yield one
        else:
            yield from _forms(one)


def _markdown(head: Row, rows: Sequence[Row]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
