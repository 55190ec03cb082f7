"""Imports go one way: a package imports only packages of the layers below its own."""

import ast
from collections.abc import Iterator
from pathlib import Path
import sys
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent / "custom_components" / "llm_analytics"

# Each line is a layer, the lowest first. What stands in the same line does not import one another;
# the files of one package do, and so do those of the vocabulary.
ENGINE: Final = (
    ("vocabulary",),
    ("store",),
    ("ledger",),
    ("notices",),
    ("tracking", "pricing", "trends", "long_term_statistics"),
    ("budgets",),
    ("reports",),
    ("maintenance",),
    ("service",),
)
VOCABULARY: Final = {
    *("directory", "errors", "limits", "models", "money", "periods", "providers", "settings"),
    "totals",
}
INTEGRATION: Final = (
    ("const",),
    ("automation_options", "catalogue_refresh", "contract", "errors", "home", "logbook"),
    ("statistics",),
    ("coordinator",),
    ("api", "backup", "condition", "diagnostics", "entity", "flows", "llm_api", "repairs"),
    ("system_health", "trigger"),
    ("binary_sensor", "config_flow", "event", "sensor", "services"),
    ("__init__",),
)

# What the engine needs beyond the standard library, and the one place that may import it.
ENGINE_REQUIREMENTS: Final = {"aiosqlite": "store.database", "genai_prices": "pricing.catalogue"}
FILES: Final = sorted(ROOT.rglob("*.py"))
ENGINE_FILES: Final = [path for path in FILES if path.is_relative_to(ROOT / "analytics")]
INTEGRATION_FILES: Final = [path for path in FILES if path not in ENGINE_FILES]


def package_of(path: Path) -> str:
    """Return the row of the layers that a file or folder belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[:1] == ("analytics",):
        inside = next((part for part in parts[1:2] if part != "__init__"), "")
        return "vocabulary" if inside in VOCABULARY else inside or "analytics"
    return parts[0] if parts else "__init__"


def imports(path: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield each name that a file imports from, and the file or folder if it is ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], None
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0], None
        elif isinstance(node, ast.ImportFrom):
            folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for alias in node.names:
                target = folder / alias.name
                is_module = target.is_dir() or target.with_suffix(".py").is_file()
                yield alias.name, target if is_module else folder


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer(layers: tuple[tuple[str, ...], ...], package: str) -> int:
    return next(number for number, packages in enumerate(layers) if package in packages)


def assert_downwards(path: Path, layers: tuple[tuple[str, ...], ...]) -> None:
    package = package_of(path)
    for imported, target in imports(path):
        if target is None:
            continue
        other = package_of(target)
        if other not in {package, "analytics"}:
            message = f"{name(path)} imports {imported} of {other}"
            assert layer(layers, package) > layer(layers, other), message


@pytest.mark.parametrize("path", ENGINE_FILES, ids=name)
def test_the_engine_imports_downwards_and_nothing_of_home_assistant(path: Path) -> None:
    for imported, target in imports(path):
        if target is not None:
            assert target.is_relative_to(ROOT / "analytics"), f"{name(path)} imports {imported}"
        elif imported not in sys.stdlib_module_names:
            place = path.relative_to(ROOT / "analytics").with_suffix("").as_posix()
            assert ENGINE_REQUIREMENTS.get(imported) == place.replace("/", "."), imported
    if package_of(path) != "analytics":
        assert_downwards(path, ENGINE)


@pytest.mark.parametrize("path", INTEGRATION_FILES, ids=name)
def test_the_integration_imports_downwards_and_the_engine_by_its_door(path: Path) -> None:
    for imported, target in imports(path):
        if target is None:
            assert imported not in {"sqlite3", *ENGINE_REQUIREMENTS}, f"{name(path)}: {imported}"
        elif target.is_relative_to(ROOT / "analytics"):
            assert target == ROOT / "analytics", f"{name(path)} imports {imported}"
    assert_downwards(path, INTEGRATION)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_module_names_its_own_component_relatively(path: Path) -> None:
    assert "custom_components" not in {imported for imported, _ in imports(path)}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_module_uses_private_names_of_another(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for imported, target in imports(path):
        assert target is None or not imported.startswith("_"), f"{name(path)} imports {imported}"
    defined = {
        found
        for node in ast.walk(tree)
        for found in (
            getattr(node, "name", None),
            node.attr if isinstance(node, ast.Attribute) and is_self(node.value) else None,
            node.target.id
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
            else None,
        )
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_self(node.value):
            assert node.attr in defined, f"{name(path)}:{node.lineno} uses {node.attr}"


def is_private(attribute: str) -> bool:
    """Return whether an attribute is private; a named tuple's own methods only look so."""
    return attribute.startswith("_") and not attribute.startswith("__") and attribute != "_replace"


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_class_inherits_behaviour_from_more_than_one_of_ours(path: Path) -> None:
    ours = {
        node.name
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
            of_ours = {base.id for base in bases if isinstance(base, ast.Name)} & ours
            assert len(of_ours) <= 1, f"{node.name} inherits from {of_ours}"


def test_the_walk_sees_every_kind_of_import() -> None:
    database = {imported for imported, target in imports(ROOT / "analytics/store/database.py")}
    assert {"aiosqlite", "ClosedError", "SCHEMA_VERSION"} <= database
    catalogue = {imported for imported, _ in imports(ROOT / "analytics/pricing/catalogue.py")}
    assert "genai_prices" in catalogue
    maintainer = ROOT / "analytics" / "maintenance" / "maintainer.py"
    assert ("filters", ROOT / "analytics" / "store" / "filters") in set(imports(maintainer))
    assert ("Analytics", ROOT / "analytics" / "service") in set(
        imports(ROOT / "analytics" / "__init__.py")
    )
    assert len(FILES) > 100
