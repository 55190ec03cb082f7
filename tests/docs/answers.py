"""What comes back, as the pages show it.

A list of more than one object or list ends after its first, with ``"…"``, and so does an object of
many; of the OpenAPI document only the head is shown.
"""

from decimal import Decimal
import json
from typing import Any, Final

from .pages import Example

# What differs from run to run, or from one SQLite to the next.
VOLATILE: Final = {"report_id", "database_bytes", "bytes_reclaimed"}
WIDTH: Final = 96


def shortened(value: Any) -> Any:
    """Return an answer with its long lists cut, as the pages show it."""
    if isinstance(value, dict):
        if "openapi" in value:
            return value | {"paths": "…", "components": "…"}
        if len(value) > 12 and all(isinstance(item, dict) for item in value.values()):
            value = dict(list(value.items())[:1]) | {"…": "…"}
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        nested = [shortened(item) for item in value]
        if len(nested) > 1 and isinstance(nested[0], list | dict):
            return [nested[0], "…"]
        return nested
    return value


def written(value: Any, indent: int = 0) -> str:
    """Return an answer as JSON that reads well: what fits on a line is on one."""
    line = one_line(value)
    if not isinstance(value, list | dict) or len(line) + indent <= WIDTH:
        return line
    if isinstance(value, dict):
        items = [
            f"{json.dumps(key, ensure_ascii=False)}: {written(item, indent + 2)}"
            for key, item in value.items()
        ]
    else:
        items = [written(item, indent + 2) for item in value]
    inner = " " * (indent + 2)
    separator = f",\n{inner}"
    if isinstance(value, list) or all(isinstance(item, int) for item in value.values()):
        separator = ", " if all("\n" not in item for item in items) else separator
    body = [items[0]]
    for item in items[1:]:
        room = WIDTH - indent - 4 - len(body[-1]) - len(item)
        if separator == ", " and room >= 0:
            body[-1] += f", {item}"
        else:
            body.append(item)
    return f"{line[0]}\n{inner}{f',\n{inner}'.join(body)}\n{' ' * indent}{line[-1]}"


def one_line(value: Any) -> str:
    """Return an answer as JSON on one line, decimals as they came."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        items = (
            f"{json.dumps(key, ensure_ascii=False)}: {one_line(item)}"
            for key, item in value.items()
        )
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(one_line(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)


def comparable(value: Any) -> Any:
    """Return an answer without what differs from run to run."""
    if isinstance(value, dict):
        return {
            key: "*" if key in VOLATILE and item is not None else comparable(item)
            for key, item in value.items()
        }
    return [comparable(item) for item in value] if isinstance(value, list) else value


def shown(text: str, kind: str | None) -> str:
    """Return what came back as the pages show it."""
    if kind == "csv":
        lines = text.splitlines()
        return "".join(f"{line}\n" for line in lines[:4]) + ("…\n" if len(lines) > 4 else "")
    return written(shortened(json.loads(text, parse_float=Decimal))) + "\n"


def check(example: Example, text: str) -> None:
    """Hold that the page shows what came back."""
    assert example.answer is not None
    if example.kind == "csv":
        assert example.answer == shown(text, "csv")
        return
    assert _read(example.answer) == _read(shown(text, "json"))


def is_shown(example: Example, text: str) -> bool:
    """Return whether the page shows what came back."""
    try:
        check(example, text)
    except AssertionError, json.JSONDecodeError:
        return False
    return True


def _read(answer: str) -> Any:
    return comparable(json.loads(answer, parse_float=Decimal))
