"""Triggers and conditions say the same in code, forms, texts and icons."""

from collections.abc import Mapping
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, trigger
from homeassistant.helpers.selector import validate_selector
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
import voluptuous as vol

from custom_components.llm_analytics.automation_options import OptionFields
from custom_components.llm_analytics.condition import CONDITIONS
from custom_components.llm_analytics.event import ANOMALY
from custom_components.llm_analytics.logbook import LINES
from custom_components.llm_analytics.trigger import TRIGGERS

from .docs.pages import table
from .helpers import Client, stored
from .subentries import budget
from .test_anomalies import NOON, settled, usual_days
from .test_texts import COMPONENT, ENGLISH, ICONS, default_of

KINDS: dict[str, Mapping[str, Any]] = {"triggers": TRIGGERS, "conditions": CONDITIONS}
DESCRIBED = {kind: load_yaml_dict(str(COMPONENT / f"{kind}.yaml")) for kind in KINDS}

EVERY = pytest.mark.parametrize(
    ("kind", "name", "fields"),
    [(kind, name, one.fields) for kind, group in KINDS.items() for name, one in group.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_ones_are_everywhere(kind: str) -> None:
    assert set(DESCRIBED[kind]) == set(KINDS[kind])
    assert set(ENGLISH[kind]) == set(KINDS[kind])
    assert {name: set(icons) for name, icons in ICONS[kind].items()} == {
        name: {kind.removesuffix("s")} for name in KINDS[kind]
    }


@EVERY
def test_the_fields_are_the_same_everywhere(kind: str, name: str, fields: OptionFields) -> None:
    described: dict[str, Any] = DESCRIBED[kind][name].get("fields", {})
    said = ENGLISH[kind][name]
    assert set(described) == {str(marker) for marker in fields}
    assert set(said.get("fields", {})) == set(described)
    for texts in (said, *said.get("fields", {}).values()):
        assert texts["name"]
        assert texts["description"]
    for marker in fields:
        field = described[str(marker)]
        assert field.get("required", False) is isinstance(marker, vol.Required), marker
        assert field.get("default") == default_of(marker), marker


async def test_home_assistant_reads_the_forms(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    found = {
        "triggers": await trigger.async_get_all_descriptions(hass),
        "conditions": await condition.async_get_all_descriptions(hass),
    }
    for kind, group in KINDS.items():
        for name in group:
            described = found[kind][f"llm_analytics.{name}"]
            assert described is not None
            assert described["fields"].keys() == DESCRIBED[kind][name].get("fields", {}).keys()


@EVERY
def test_what_a_form_offers_is_accepted(kind: str, name: str, fields: OptionFields) -> None:
    for marker, validator in fields.items():
        described = DESCRIBED[kind][name]["fields"][str(marker)]["selector"]
        validate_selector(described)
        ((what, settings),) = described.items()
        accepts = vol.Schema(validator)
        match what:
            case "select":
                translated = ENGLISH["selector"][settings["translation_key"]]["options"]
                assert set(translated) == set(settings["options"])
                for word in settings["options"]:
                    accepts([word] if settings.get("multiple") else word)
            case "number":
                for edge in ("min", "max"):
                    assert edge not in settings or accepts(settings[edge]) == settings[edge]
                with pytest.raises(vol.Invalid):
                    accepts(settings["min"] - 0.001)
            case _:
                assert what == "entity"
                accepts(["binary_sensor.one"])


def test_the_event_entity_has_a_text_for_everything_it_shows() -> None:
    texts = ENGLISH["entity"]["event"]
    assert set(texts) == set(ICONS["entity"]["event"]) == {ANOMALY.key}
    shown = texts[ANOMALY.key]["state_attributes"]
    assert list(shown["event_type"]["state"]) == ANOMALY.event_types
    assert set(ENGLISH["selector"]["anomaly_type"]["options"]) == set(shown["event_type"]["state"])
    assert set(ENGLISH["selector"]["anomaly_direction"]["options"]) == set(
        shown["direction"]["state"]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_every_one_and_its_fields(kind: str) -> None:
    documented: dict[str, set[str]] = {}
    names: set[str] = set()
    for name, field, meaning in table(kind):
        assert meaning
        if name:
            names = documented.setdefault(name.strip("`").removeprefix("llm_analytics."), set())
        else:
            names.add(field.strip("`"))
    assert documented == {
        name: {str(marker) for marker in one.fields} for name, one in KINDS[kind].items()
    }


@pytest.fixture
def clock(freezer: FrozenDateTimeFactory, hass: HomeAssistant) -> FrozenDateTimeFactory:
    """Stop the clock before anything is set up."""
    freezer.move_to(NOON)
    return freezer


async def test_the_page_has_every_event_and_its_data(
    clock: FrozenDateTimeFactory, hass: HomeAssistant, entry: MockConfigEntry, client: Client
) -> None:
    documented: dict[str, set[str]] = {}
    names: set[str] = set()
    for name, field, meaning in table("events"):
        assert meaning
        if name:
            names = documented.setdefault(name.strip("`"), set())
        names.add(field.strip("`"))
    told = [async_capture_events(hass, name) for name in LINES]
    hass.config_entries.async_add_subentry(entry, budget())
    await hass.async_block_till_done()
    await usual_days(client)
    await stored(client, cost_estimate=100)
    await stored(client, provider="acme", model="sage-1")
    await settled(hass, clock)
    assert documented == {event.event_type: set(event.data) for events in told for event in events}
    assert set(documented) == set(LINES)
