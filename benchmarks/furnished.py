"""Configures every feature of the integration in a running Home Assistant.

All entities are enabled, including those that are disabled by default. Budgets with thresholds,
tracked usages, recording clients and a household currency are added with the flows of the user
interface. Long-term statistics and anomalies are enabled by default.
"""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
import sqlite3
import time
from typing import Any, Final

from custom_components.llm_analytics.const import DATABASE
from scripts.home_assistant_client import DOMAIN
from scripts.real_home_assistant import RealHomeAssistant

from .workload import DEVICES, TAGS, USERS

type Form = dict[str, object]

_CURRENCY: Final = "EUR"
_MODEL: Final = "anthropic/claude-sonnet-4-5"
_ALERTS: Final[Form] = {"thresholds": ["50", "80", "90", "100"]}
# The type of each subentry, and the input of its forms.
SUBENTRIES: Final[tuple[tuple[str, Form, Form], ...]] = (
    ("budget", {"scope": "all", "unit": "cost"}, {"amount": 10_000, "period": "month", **_ALERTS}),
    # Crossed repeatedly under load, because the events of a day have millions of tokens.
    ("budget", {"scope": "all", "unit": "tokens"}, {"amount": 10**7, "period": "day", **_ALERTS}),
    (
        "budget",
        {"scope": "device", "unit": "cost"},
        {"scope_name": DEVICES[0], "amount": 20, "period": "week", **_ALERTS},
    ),
    (
        "budget",
        {"scope": "model", "unit": "tokens"},
        {"scope_name": _MODEL, "amount": 10**6, "period": "week", **_ALERTS},
    ),
    ("tracked", {"scope": "device"}, {"scope_name": DEVICES[1]}),
    ("tracked", {"scope": "provider"}, {"scope_name": "openai"}),
    ("tracked", {"scope": "model"}, {"scope_name": _MODEL}),
    ("tracked", {"scope": "user"}, {"scope_name": USERS[0]}),
    ("tracked", {"scope": "tag"}, {"scope_name": TAGS[0]}),
    ("client", {"name": "Gateway"}, {}),
    ("client", {"name": "Terminal", "device_ip": DEVICES[2], "tags": ["terminal"]}, {}),
)
# The minimum number of sensors with a state, by type of subentry.
_SENSORS: Final = {"budget": 4, "tracked": 3}


@dataclass(frozen=True, slots=True)
class Alive:
    """The number of features that work in a Home Assistant, by kind."""

    entities: int
    budgets: int
    tracked: int
    statistics: int


def furnish(home: RealHomeAssistant) -> None:
    """Configure every feature in a running home; enabled entities exist after the next start."""
    for kind, *forms in SUBENTRIES:
        home.add_subentry(kind, *forms)
    (entry,) = home.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
    flows = "/api/config/config_entries/options/flow"
    step = home.post(flows, {"handler": entry["entry_id"]})
    step = home.post(f"{flows}/{step['flow_id']}", {"currency": _CURRENCY})
    assert step["type"] == "create_entry", step
    home.until_loaded("options")
    home.post(f"/api/{DOMAIN}/cost/exchange-rates", {"currency": _CURRENCY, "usd": 1.1})
    for entity in entities(home):
        if entity["disabled_by"] is not None:
            name = entity["entity_id"]
            home.command("config/entity_registry/update", entity_id=name, disabled_by=None)


def entities(home: RealHomeAssistant) -> list[dict[str, Any]]:
    """Return the registry entries of the integration's entities."""
    registered = home.command("config/entity_registry/list")
    return [one for one in registered if one["platform"] == DOMAIN]


def until_told(home: RealHomeAssistant, seconds: float = 900) -> None:
    """Wait until the recorder has the statistics of every hour of the ledger."""
    until = time.monotonic() + seconds
    with closing(sqlite3.connect(f"file:{home.folder / DATABASE}?mode=ro", uri=True)) as ledger:
        while ledger.execute("SELECT EXISTS (SELECT * FROM slot_change)").fetchone()[0]:
            assert time.monotonic() < until, "the statistics are not written"
            time.sleep(0.5)


def alive(home: RealHomeAssistant) -> Alive:
    """Assert that every feature is present and works, and return the numbers."""
    states = {one["entity_id"]: one["state"] for one in home.get("/api/states")}
    registered = entities(home)
    for entity in registered:
        name = entity["entity_id"]
        assert entity["disabled_by"] is None, f"{name} is disabled by {entity['disabled_by']}"
        assert states.get(name, "unavailable") != "unavailable", f"{name} is not there"
    (entry,) = home.get(f"/api/config/config_entries/entry?domain={DOMAIN}")
    subentries = home.command("config_entries/subentries/list", entry_id=entry["entry_id"])
    kinds = Counter(one["subentry_type"] for one in subentries)
    assert kinds == Counter(kind for kind, *_ in SUBENTRIES), kinds
    sensors = Counter(
        one["config_subentry_id"]
        for one in registered
        if states[one["entity_id"]] not in {"unknown", "unavailable"}
    )
    for one in subentries:
        least = _SENSORS.get(one["subentry_type"], 0)
        assert sensors[one["subentry_id"]] >= least, f"{one['title']} has too few sensors"
    statistics = [
        one["statistic_id"]
        for one in home.command("recorder/list_statistic_ids")
        if one["source"] == DOMAIN
    ]
    assert f"{DOMAIN}:total_tokens" in statistics, statistics
    return Alive(len(registered), kinds["budget"], kinds["tracked"], len(statistics))
