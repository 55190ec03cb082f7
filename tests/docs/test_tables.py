"""The tables of the pages are the code's."""

import json
import re

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.llm_analytics import config_flow
from custom_components.llm_analytics.api.views import ROUTES
from custom_components.llm_analytics.binary_sensor import BUDGET_BINARY_SENSORS
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.contract import schemas
from custom_components.llm_analytics.home import options
from custom_components.llm_analytics.sensor import (
    SENSORS,
    TRACKED_SENSORS,
    budget_sensors,
    home_sensors,
)
from custom_components.llm_analytics.services import ACTIONS

from ..test_texts import ENGLISH
from .pages import ROOT, page, table

pytestmark = pytest.mark.usefixtures("fixed_time")


def test_the_endpoint_table_is_the_code_s() -> None:
    documented = [
        (method.lower(), path.strip("[").partition("`]")[0].strip("`/"), who == "administrators")
        for method, path, who, _ in table("endpoints")
    ]
    assert sorted(documented) == sorted((route.method, route.path, route.admin) for route in ROUTES)


def test_the_event_table_has_every_field() -> None:
    documented = [name for row in table("event") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(documented) == sorted(str(marker) for marker in schemas.USAGE)


def test_the_options_table_has_every_option() -> None:
    labels = json.loads(
        (ROOT / "custom_components" / DOMAIN / "translations" / "en.json").read_text(
            encoding="utf-8"
        )
    )["options"]["step"]["init"]["data"]
    rows = {name.strip("`"): label for label, name, *_ in table("options")}
    assert rows == {
        str(marker): labels[str(marker)] for marker in config_flow.OPTIONS_SCHEMA.schema
    }


async def test_the_sensor_table_has_every_sensor(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    documented = {name.strip("`"): unit for name, unit, *_ in table("sensors")}
    registry = er.async_get(hass)
    entities = er.async_entries_for_config_entry(registry, entry.entry_id)
    found = {
        entity.entity_id: entity.unit_of_measurement or "none"
        for entity in entities
        if entity.domain == "sensor"
    }
    at_home = {name for name, unit in found.items() if unit == "EUR"}
    assert documented == {name: unit for name, unit in found.items() if name not in at_home}
    assert len(documented) == len(SENSORS)
    # Those of the household's currency have a section of their own, which names them.
    assert len(at_home) == len(home_sensors("EUR"))
    text = page("prices").section("## Household currency")
    assert all(name.removeprefix("sensor.llm_analytics") in text for name in at_home)


def test_the_tables_of_subentries_have_every_entity_and_field() -> None:
    sensors, binary = (ENGLISH["entity"][kind] for kind in ("sensor", "binary_sensor"))
    assert [tuple(row[:3]) for row in table("tracked")] == [
        (
            sensors[sensor.key]["name"],
            sensor.native_unit_of_measurement,
            "yes" if sensor.entity_registry_enabled_default else "no",
        )
        for sensor in TRACKED_SENSORS
    ]
    data = {"scope": "all", "unit": "cost", "amount": 1, "period": "day", "thresholds": []}
    budget = options.budget("Any", data)
    named = [sensors[sensor.translation_key]["name"] for sensor in budget_sensors(budget)]
    named += [binary[sensor.translation_key]["name"] for sensor in BUDGET_BINARY_SENSORS]
    assert [name for name, *_ in table("budget")] == named
    steps = ENGLISH["config_subentries"]["budget"]["step"]
    assert {name.strip("`"): label for label, name, _ in table("budget-fields")} == (
        steps["user"]["data"] | steps["budget"]["data"]
    )


# The page, the section, and how much advice it has at least.
ADVICE = [
    ("recording", "## Best practices", 5),
    ("budgets", "## Get notified", 1),
    ("prices", "## Keep prices current", 1),
    ("privacy", "## Keep what you need", 1),
    ("troubleshooting", "## Problems and solutions", 10),
]


@pytest.mark.parametrize(("name", "heading", "least"), ADVICE)
def test_every_advice_names_something_that_exists(name: str, heading: str, least: int) -> None:
    known = (
        {f"{route.method.upper()} /{route.path}" for route in ROUTES}
        | {str(marker) for marker in config_flow.OPTIONS_SCHEMA.schema}
        | {str(marker) for marker in schemas.USAGE}
        | {f"{DOMAIN}.{action.name}" for action in ACTIONS}
    )
    whole, *parts = re.split(r"^### ", page(name).section(heading), flags=re.MULTILINE)
    entries = parts or [whole]
    assert len(entries) >= least
    for entry in entries:
        assert known & set(re.findall(r"`([^`\n]+)`", entry)), entry.partition("\n")[0]
