"""The integration's account of Home Assistant's quality scale: every rule, and what shows it."""

from pathlib import Path
from typing import Any

from homeassistant.util.yaml import load_yaml_dict
import pytest

ROOT = Path(__file__).parent.parent
COMPONENT = "custom_components/llm_analytics"
RULES: dict[str, Any] = load_yaml_dict(str(ROOT / COMPONENT / "quality_scale.yaml"))["rules"]

# Where each rule that is done can be seen: a file, and a text that stands in it.
SHOWN = {
    # Bronze
    "action-setup": (f"{COMPONENT}/__init__.py", "async_setup_services(hass)"),
    "brands": (f"{COMPONENT}/brand/icon.png", ""),
    "common-modules": (f"{COMPONENT}/coordinator.py", "class LlmAnalyticsCoordinator"),
    "config-flow-test-coverage": ("tests/test_config_flow.py", "async def test_"),
    "config-flow": (f"{COMPONENT}/manifest.json", '"config_flow": true'),
    "dependency-transparency": ("docs/development.md", "## Dependencies"),
    "docs-actions": ("docs/actions.md", "# Actions"),
    "docs-conditions": ("docs/automations.md", "## Conditions"),
    "docs-high-level-description": ("README.md", "keeps a ledger of your"),
    "docs-installation-instructions": ("README.md", "## Installation"),
    "docs-removal-instructions": ("docs/data.md", "## Removal"),
    "docs-triggers": ("docs/automations.md", "## Triggers"),
    "entity-event-setup": (f"{COMPONENT}/event.py", "async_added_to_hass"),
    "entity-unique-id": (f"{COMPONENT}/entity.py", "_attr_unique_id"),
    "has-entity-name": (f"{COMPONENT}/entity.py", "_attr_has_entity_name = True"),
    "runtime-data": (f"{COMPONENT}/__init__.py", "entry.runtime_data = coordinator"),
    "test-before-setup": ("tests/test_init.py", "test_a_newer_schema_is_left_untouched"),
    "unique-config-entry": (f"{COMPONENT}/manifest.json", '"single_config_entry": true'),
    # Silver
    "action-exceptions": (f"{COMPONENT}/errors.py", "ServiceValidationError"),
    "config-entry-unloading": ("tests/test_init.py", "test_set_up_unload_and_set_up_again"),
    "docs-configuration-parameters": ("docs/configuration.md", "# Configuration"),
    "docs-installation-parameters": ("docs/configuration.md", "# Configuration"),
    "entity-unavailable": ("tests/test_init.py", '"unavailable"'),
    "integration-owner": (f"{COMPONENT}/manifest.json", '"codeowners"'),
    "log-when-unavailable": (f"{COMPONENT}/coordinator.py", "raise UpdateFailed("),
    "parallel-updates": (f"{COMPONENT}/sensor.py", "PARALLEL_UPDATES = 0"),
    "test-coverage": ("scripts/test", "--fail-under"),
    # Gold
    "devices": (f"{COMPONENT}/entity.py", "DeviceEntryType.SERVICE"),
    "diagnostics": ("tests/test_diagnostics.py", "async def test_"),
    "docs-data-update": ("docs/entities.md", "Sensors are pushed, not polled"),
    "docs-examples": ("tests/docs/test_examples.py", "def test_"),
    "docs-known-limitations": ("docs/troubleshooting.md", "## Known limitations"),
    "docs-supported-functions": ("docs/entities.md", "## Sensors"),
    "docs-troubleshooting": ("docs/troubleshooting.md", "# Troubleshooting"),
    "docs-use-cases": ("docs/README.md", "## Use cases"),
    "entity-device-class": (f"{COMPONENT}/sensor.py", "SensorDeviceClass.MONETARY"),
    "entity-disabled-by-default": (
        f"{COMPONENT}/sensor.py",
        "entity_registry_enabled_default=False",
    ),
    "entity-translations": (f"{COMPONENT}/translations/en.json", '"cost_today"'),
    "exception-translations": ("tests/test_texts.py", "test_every_exception_has_its_text"),
    "icon-translations": (f"{COMPONENT}/icons.json", '"cost_today"'),
    "reconfiguration-flow": (f"{COMPONENT}/config_flow.py", "async_step_reconfigure"),
    "repair-issues": (
        "tests/home/test_issues.py",
        "test_a_model_without_a_price_is_priced_in_its_flow",
    ),
    # Platinum
    "async-dependency": (f"{COMPONENT}/manifest.json", "aiosqlite=="),
    "inject-websession": (
        f"{COMPONENT}/catalogue_refresh.py",
        "async_get_clientsession(self._hass)",
    ),
    "strict-typing": ("pyproject.toml", "strict = true"),
}
EXEMPT = {
    "appropriate-polling",
    "discovery",
    "discovery-update-info",
    "docs-supported-devices",
    "dynamic-devices",
    "entity-category",
    "reauthentication-flow",
    "stale-devices",
    "test-before-configure",
}
PLATFORMS = [
    path
    for path in sorted((ROOT / COMPONENT).glob("*.py"))
    if "AddConfigEntryEntitiesCallback" in path.read_text(encoding="utf-8")
]


def test_every_rule_up_to_platinum_has_its_line() -> None:
    assert set(RULES) == set(SHOWN) | EXEMPT
    assert not set(SHOWN) & EXEMPT


@pytest.mark.parametrize("rule", SHOWN)
def test_what_is_done_can_be_seen(rule: str) -> None:
    assert RULES[rule] == "done"
    name, text = SHOWN[rule]
    assert text.encode() in (ROOT / name).read_bytes()


@pytest.mark.parametrize("rule", sorted(EXEMPT))
def test_what_is_exempt_has_its_reason(rule: str) -> None:
    assert RULES[rule]["status"] == "exempt"
    assert len(RULES[rule]["comment"]) > len("Not applicable.")


@pytest.mark.parametrize("path", PLATFORMS, ids=lambda path: path.stem)
def test_every_platform_says_how_many_updates_it_bears(path: Path) -> None:
    assert "PARALLEL_UPDATES = 0" in path.read_text(encoding="utf-8")
    assert len(PLATFORMS) > 2
