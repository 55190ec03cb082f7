"""Reports as data, as CSV and as files: only where files may go, and only for administrators."""

from datetime import timedelta
import json
from pathlib import Path
import resource
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.llm_analytics.analytics import UsageEvent
from custom_components.llm_analytics.const import DOMAIN
from custom_components.llm_analytics.services import Action

from .helpers import act, usage

CSV_HEAD = "date,device_ip,endpoint,provider,request_count,"


@pytest.fixture(autouse=True)
async def recorded(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Record two events of today."""
    for device in ("192.168.1.20", "192.168.1.21"):
        await act(hass, Action.RECORD_USAGE, usage(device_ip=device, cost_estimate="0.5"))


async def report(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    found: dict[str, Any] = await act(hass, Action.GENERATE_REPORT, data, return_response=True)
    return found


def folder(hass: HomeAssistant) -> Path:
    return Path(hass.config.path(DOMAIN, "reports"))


async def test_a_report_is_data(hass: HomeAssistant) -> None:
    found = await report(hass, period="month")
    assert found["period"] == "month"
    assert found["summary"]["request_count"] == 2
    assert found["summary"]["cost_estimate"] == 1.0
    assert {row["device_ip"] for row in found["by_device"]} == {"192.168.1.20", "192.168.1.21"}


async def test_a_report_can_be_filtered(hass: HomeAssistant) -> None:
    found = await report(hass, device_ip="192.168.1.21")
    assert found["summary"]["request_count"] == 1
    assert found["filter_device_ip"] == "192.168.1.21"


async def test_a_report_is_csv_text(hass: HomeAssistant) -> None:
    found = await report(hass, format="csv")
    assert found["filename"].startswith("usage_report_week_")
    head, *lines = found["csv"].splitlines()
    assert head.startswith(CSV_HEAD)
    assert len(lines) == 2
    detailed = (await report(hass, format="csv", detailed="true"))["csv"]
    assert detailed.startswith("timestamp,device_ip,device_name,endpoint,")


@pytest.mark.parametrize("how", ["day", "week", "all"])
async def test_without_a_file_or_an_answer_nothing_is_written(
    hass: HomeAssistant, how: str
) -> None:
    assert await act(hass, Action.GENERATE_REPORT, {"period": how}) is None
    assert not folder(hass).exists()


@pytest.mark.parametrize("name", ["week.csv", "2026/11/week.csv", "a/../week.csv"])
async def test_a_csv_file_is_written_below_the_reports_folder(
    hass: HomeAssistant, name: str
) -> None:
    told = await report(hass, format="csv", file=name)
    path = (folder(hass) / name).resolve()
    assert told == {"file": str(path), "bytes": path.stat().st_size}
    assert path.read_text().startswith(CSV_HEAD)


async def test_a_json_file_is_written_with_exact_figures_and_replaced(hass: HomeAssistant) -> None:
    await report(hass, file="week.json")
    await act(hass, Action.RECORD_USAGE, usage(cost_estimate="0.000000000001"))
    await act(hass, Action.GENERATE_REPORT, {"file": "week.json"})
    text = (folder(hass) / "week.json").read_text()
    assert json.loads(text)["summary"]["request_count"] == 3
    assert '"cost_estimate":1.000000000001' in text


async def test_a_file_is_written_to_an_allowed_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    hass.config.allowlist_external_dirs = {str(allowed)}
    told = await report(hass, file=str(allowed / "week.json"))
    assert told["file"] == str(allowed / "week.json")
    assert (allowed / "week.json").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../week.csv",
        "../../llm_analytics.db",
        "../../configuration.yaml",
        "a/../../week.csv",
        "/etc/week.csv",
        "/tmp/week.csv",
        "../../www/week.csv",
        "../../www",
        ".",
        "..",
        "sub/..",
    ],
)
async def test_a_file_elsewhere_is_refused(hass: HomeAssistant, name: str) -> None:
    Path(hass.config.path("www")).mkdir()
    hass.config.allowlist_external_dirs = {hass.config.path("www")}
    before = sorted(Path(hass.config.config_dir).rglob("*"))
    with pytest.raises(ServiceValidationError) as told:
        await report(hass, file=name)
    assert told.value.translation_key == "path_not_allowed"
    assert told.value.translation_placeholders == {"path": name}
    assert name in str(told.value)
    assert sorted(Path(hass.config.config_dir).rglob("*")) == before


async def test_a_link_out_of_the_reports_folder_is_not_followed(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder(hass).mkdir(parents=True)
    (folder(hass) / "link").symlink_to(outside)
    with pytest.raises(ServiceValidationError):
        await report(hass, file="link/week.csv")
    assert list(outside.iterdir()) == []


async def test_a_name_with_nul_is_refused_as_input(hass: HomeAssistant) -> None:
    with pytest.raises(ServiceValidationError) as told:
        await report(hass, file="week\0.csv")
    assert told.value.translation_key == "invalid_input"


@pytest.mark.parametrize("name", ["week.csv", "../../www/week.csv"])
async def test_files_are_for_administrators_only(
    hass: HomeAssistant, member: MockUser, hass_admin_user: MockUser, name: str
) -> None:
    for user_id in (member.id, "nobody"):
        with pytest.raises(Unauthorized):
            await act(
                hass,
                Action.GENERATE_REPORT,
                {"file": name},
                context=Context(user_id=user_id),
            )
    assert not folder(hass).exists()
    context = Context(user_id=hass_admin_user.id)
    await act(hass, Action.GENERATE_REPORT, {"file": "week.csv"}, context=context)
    assert (folder(hass) / "week.csv").exists()


async def test_a_file_that_cannot_be_written_is_told(hass: HomeAssistant) -> None:
    (folder(hass) / "week.csv").mkdir(parents=True)
    with pytest.raises(HomeAssistantError) as told:
        await report(hass, file="week.csv")
    assert told.value.translation_key == "report_not_written"
    assert told.value.translation_placeholders is not None
    assert told.value.translation_placeholders["path"] == str(folder(hass) / "week.csv")


async def test_a_disk_that_runs_full_keeps_the_report_of_before(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    now = dt_util.utcnow()
    for day in range(300):  # little a day, so that some of it waits to be written
        moment = now - timedelta(days=day)
        devices = [usage(device_ip=f"10.0.0.{n}", timestamp=moment) for n in range(1, 41)]
        await entry.runtime_data.analytics.tracker.record_many(
            [UsageEvent(**one) for one in devices]
        )
    await report(hass, period="all", format="csv", file="all.csv")
    before = (folder(hass) / "all.csv").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(HomeAssistantError) as told:
            await report(hass, period="all", format="csv", file="all.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert told.value.translation_key == "report_not_written"
    assert [path.name for path in folder(hass).iterdir()] == ["all.csv"]
    assert (folder(hass) / "all.csv").read_bytes() == before
    assert await report(hass, period="all", format="csv", file="all.csv")


async def test_a_link_in_place_of_the_unfinished_file_is_not_followed(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("as it was")
    folder(hass).mkdir(parents=True)
    (folder(hass) / ".week.json.part").symlink_to(outside)
    await report(hass, file="week.json")
    assert outside.read_text() == "as it was"
    assert not (folder(hass) / "week.json").is_symlink()


async def test_a_csv_too_large_for_an_answer_is_refused_but_can_be_a_file(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.llm_analytics.services._MAX_RESPONSE", 100)
    with pytest.raises(ServiceValidationError) as told:
        await report(hass, format="csv")
    assert told.value.translation_key == "report_too_large"
    told_file = await report(hass, format="csv", file="week.csv")
    assert told_file["bytes"] > 100
