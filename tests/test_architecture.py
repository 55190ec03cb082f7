"""Imports go one way: every module of the component imports only modules of a lower rank."""

import ast
from collections.abc import Iterator
from pathlib import Path
import sys

import pytest

ROOT = Path(__file__).parent.parent / "custom_components" / "llm_analytics"

# A package counts as one module: its files may import each other. "analytics" is the engine's
# only door; "__init__" is the component itself.
RANKS = {
    "analytics.allowance": 0,
    "analytics.default_rates": 0,
    "analytics.errors": 0,
    "analytics.money": 0,
    "analytics.periods": 0,
    "analytics.places": 0,
    "analytics.schema": 0,
    "analytics.models": 2,
    "analytics.checks": 1,
    "analytics.settings": 1,
    "analytics.spread": 1,
    "analytics.totals": 1,
    "analytics.writer": 1,
    "analytics.notices": 1,
    "analytics.anomalies": 3,
    "analytics.forecast": 3,
    "analytics.keeping": 3,
    "analytics.rates": 3,
    "analytics.formats": 2,
    "analytics.reports": 3,
    "analytics.trends": 3,
    "analytics.breakdowns": 4,
    "analytics.briefs": 4,
    "analytics.budgets": 4,
    "analytics.catalogue": 4,
    "analytics.costs": 4,
    "analytics.hourly": 4,
    "analytics.overview": 5,
    "analytics.pricing": 5,
    "analytics.store": 6,
    "analytics.reader": 7,
    "analytics.steps": 7,
    "analytics.insights": 8,
    "analytics.costing": 8,
    "analytics.keeper": 8,
    "analytics.soundness": 8,
    "analytics.mirror": 8,
    "analytics.reporting": 8,
    "analytics.service": 9,
    "analytics": 10,
    "const": 10,
    "shapes": 10,
    "access": 11,
    "catalogue": 11,
    "directory": 11,
    "errors": 11,
    "issues": 11,
    "responses": 11,
    "statistics": 11,
    "validators": 11,
    "announcements": 11,
    "options": 11,
    "watched": 11,
    "coordinator": 12,
    "leftovers": 12,
    "schemas": 12,
    "conversion": 13,
    "usage": 14,
    "backup": 14,
    "automations": 11,
    "capture": 14,
    "changes": 15,
    "client_flow": 13,
    "scope_flow": 13,
    "budget_flow": 14,
    "tracked_flow": 14,
    "clients": 16,
    "config_flow": 15,
    "diagnostics": 14,
    "entity": 14,
    "exports": 14,
    "llm_api": 14,
    "openapi": 14,
    "questions": 14,
    "recording": 15,
    "repairs": 14,
    "system_health": 14,
    "binary_sensor": 15,
    "condition": 15,
    "event": 15,
    "logbook": 11,
    "sensor": 15,
    "services": 16,
    "trigger": 15,
    "views": 16,
    "__init__": 17,
}

# What the engine needs beyond the standard library, and the one place that may import it.
ENGINE_REQUIREMENTS = {"aiosqlite": "analytics.store", "genai_prices": "analytics.catalogue"}
FILES = sorted(ROOT.rglob("*.py"))


def module_of(path: Path) -> str:
    """Return the row of RANKS that a file or folder of the component belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[:1] == ("analytics",):
        inside = [part for part in parts[1:2] if part != "__init__"]
        return ".".join(("analytics", *inside))
    return parts[0] if parts else "__init__"


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield what a file imports, and whether that is a module of the component."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], False
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0], False
        elif isinstance(node, ast.ImportFrom):
            folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for alias in node.names:
                target = folder / alias.name
                is_module = target.is_dir() or target.with_suffix(".py").is_file()
                yield module_of(target if is_module else folder), True


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_module_has_a_rank(path: Path) -> None:
    assert module_of(path) in RANKS


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_module_imports_only_lower_ranks(path: Path) -> None:
    module = module_of(path)
    for target, inside in imports(path):
        if inside and target != module:
            assert RANKS[module] > RANKS[target], f"{module} imports {target}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_module_names_its_own_component_relatively(path: Path) -> None:
    assert ("custom_components", False) not in set(imports(path))


@pytest.mark.parametrize(
    "path", [path for path in FILES if module_of(path).startswith("analytics")], ids=name
)
def test_the_engine_knows_nothing_of_home_assistant(path: Path) -> None:
    module = module_of(path)
    for target, inside in imports(path):
        if inside:
            assert target.startswith("analytics"), f"{module} imports the shell's {target}"
        elif target not in sys.stdlib_module_names:
            assert ENGINE_REQUIREMENTS.get(target) == module, f"{module} imports {target}"


@pytest.mark.parametrize(
    "path", [path for path in FILES if not module_of(path).startswith("analytics")], ids=name
)
def test_the_shell_enters_the_engine_by_its_door(path: Path) -> None:
    module = module_of(path)
    for target, inside in imports(path):
        if inside:
            assert not target.startswith("analytics."), f"{module} imports {target}"
        else:
            assert target not in {"sqlite3", *ENGINE_REQUIREMENTS}, f"{module} imports {target}"


def test_the_walk_sees_every_kind_of_import() -> None:
    store = set(imports(ROOT / "analytics" / "store" / "database.py"))
    assert {("aiosqlite", False), ("analytics.errors", True), ("analytics.schema", True)} <= store
    assert ("genai_prices", False) in set(imports(ROOT / "analytics" / "catalogue.py"))
    service = set(imports(ROOT / "analytics" / "service.py"))
    assert {("sqlite3", False), ("analytics.store", True)} <= service
    door = set(imports(ROOT / "analytics" / "__init__.py"))
    assert ("analytics.service", True) in door
    assert len(FILES) > 20
