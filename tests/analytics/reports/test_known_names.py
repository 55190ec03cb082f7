"""What a filter can be chosen from: every name seen, with what the home calls it."""

from pathlib import Path

from custom_components.llm_analytics.analytics import By, Directory, Known

from ..helpers import Clock, opened
from ..usage_events import usage


async def test_every_name_seen_is_what_a_filter_takes(tmp_path: Path) -> None:
    directory = Directory(
        devices={"ha:abc": Known(name="Hall speaker"), "ip:10.0.0.1": Known(name="Unused")},
        users={"4f1d": "Alex"},
    )
    async with opened(tmp_path / "ledger.db", clock=Clock(), directory=lambda: directory) as ledger:
        await ledger.tracker.record(
            usage(device_ip="10.0.0.1", device_name="Tablet", tags=("voice",))
        )
        await ledger.tracker.record(usage(device_ip=None, device_id="abc", user_id="4f1d"))
        await ledger.tracker.record(
            usage(device_ip=None, user_id="kim", model="sage", provider="acme")
        )
        await ledger.tracker.record(usage(device_ip="10.0.0.2", model=None, provider="acme"))
        seen = {by: await ledger.reports.seen(by) for by in By}
    assert seen[By.DEVICE] == {
        "ip:10.0.0.1": "Tablet",
        "ha:abc": "Hall speaker",
        "ip:10.0.0.2": None,
    }
    assert seen[By.USER] == {"anonymous": "anonymous", "4f1d": "Alex", "kim": "kim"}
    assert seen[By.TAG] == {"voice": "voice"}
    assert {"acme/sage", "acme/unknown"} < set(seen[By.MODEL])
    assert "acme" in seen[By.PROVIDER]
