"""The documentation's dashboard as the sample household's first page, with the budget it shows."""

from collections.abc import Iterator
import time
from typing import Any, Final

from homeassistant.util.yaml import load_yaml_dict

from scripts.home_assistant_client import HomeAssistantClient, RequestError
from scripts.real_home_assistant import REPOSITORY

URL_PATH: Final = "ai-usage"
BUDGET: Final = "Family"

_FILE: Final = REPOSITORY / "docs" / "dashboard.yaml"
_LIST_STATISTICS: Final = "recorder/list_statistic_ids"


def load_dashboard() -> dict[str, Any]:
    """Return the dashboard as the documentation has it."""
    return load_yaml_dict(str(_FILE))


def cards(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every card of a dashboard."""
    for view in dashboard["views"]:
        for section in view["sections"]:
            yield from section["cards"]


def statistics(dashboard: dict[str, Any]) -> Iterator[str]:
    """Yield the id of every statistic that a dashboard shows."""
    for card in cards(dashboard):
        if card["type"] == "statistics-graph":
            yield from (row["entity"] for row in card["entities"])


def add_dashboard(home: HomeAssistantClient) -> bool:
    """Add the dashboard and its budget unless it is there, and tell whether it was not."""
    if _is_configured(home):  # and stays as it is, for it may have been edited
        return False
    _add_budget(home)
    dashboard = load_dashboard()
    if all(known["url_path"] != URL_PATH for known in home.command("lovelace/dashboards/list")):
        home.command(
            "lovelace/dashboards/create",
            url_path=URL_PATH,
            title=dashboard["title"],
            icon=dashboard["views"][0]["icon"],
            mode="storage",
        )
    home.command("lovelace/config/save", url_path=URL_PATH, config=dashboard)
    return True


def make_first_page(home: HomeAssistantClient) -> None:
    """Open the home on the dashboard unless a page was chosen for everybody."""
    core = home.command("frontend/get_system_data", key="core")["value"] or {}
    if not core.get("default_panel"):
        value = core | {"default_panel": URL_PATH}
        home.command("frontend/set_system_data", key="core", value=value)


def statistics_appear(home: HomeAssistantClient, seconds: float = 60) -> bool:
    """Wait until the recorder has every statistic of the dashboard, and tell whether it has."""
    wanted = set(statistics(load_dashboard()))
    until = time.monotonic() + seconds
    while not wanted <= {row["statistic_id"] for row in home.command(_LIST_STATISTICS)}:
        if time.monotonic() > until:
            return False
        time.sleep(0.3)
    return True


def _is_configured(home: HomeAssistantClient) -> bool:
    try:
        home.command("lovelace/config", url_path=URL_PATH)
    except RequestError as error:
        if error.code != "config_not_found":  # also that of a dashboard created, but never saved
            raise
        return False
    return True


def _add_budget(home: HomeAssistantClient) -> None:
    if not home.subentries("budget"):  # there can be only one of its kind, whatever its name
        home.add_subentry(
            "budget",
            {"scope": "all", "unit": "cost"},
            {"amount": 25, "period": "month", "thresholds": ["80", "100"], "name": BUDGET},
        )
