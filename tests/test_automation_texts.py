"""Triggers and conditions say the same in code, forms, texts and icons."""

from collections.abc import Mapping
from typing import Any

from homeassistant.helpers.selector import validate_selector
from homeassistant.util.yaml import load_yaml_dict
import pytest
import voluptuous as vol

from custom_components.llm_analytics.automations import OptionFields
from custom_components.llm_analytics.condition import CONDITIONS
from custom_components.llm_analytics.event import ANOMALY
from custom_components.llm_analytics.trigger import TRIGGERS

from .test_contracts import COMPONENT, ENGLISH, ICONS, default_of

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
