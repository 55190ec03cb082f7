"""A client written from the original system's endpoint table alone works unchanged."""

from http import HTTPStatus
from typing import Any

from ..helpers import Client

EVENT = {
    "device_ip": "192.168.1.100",
    "endpoint": "openai/chat/completions",
    "provider": "openai",
    "model": "gpt-4",
    "tokens_prompt": 150,
    "tokens_response": 200,
    "device_name": "Living Room Mac",
}


class SeedClient:
    """The endpoints of the original's table, under its own prefix, and nothing else."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def get(self, path: str, **parameters: str) -> Any:
        response = await self._client.get(f"/api/analytics{path}", params=parameters)
        assert response.status == HTTPStatus.OK, await response.text()
        if response.content_type == "application/json":
            return await response.json()
        return await response.text()

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        response = await self._client.post(f"/api/analytics{path}", json=body)
        assert response.status in (HTTPStatus.OK, HTTPStatus.CREATED), await response.text()
        return await response.json()


async def test_recording_and_the_dashboard(client: Client) -> None:
    seed = SeedClient(client)
    event = await seed.post("/usage", EVENT)
    assert event["cost_estimate"] == 0.0165  # 150 x 30 + 200 x 60 per million

    stats = await seed.get("/dashboard")
    for period in ("today", "week", "month"):
        assert stats[period]["requests"] == 1
        assert stats[period]["tokens"] == 350
        assert stats[period]["cost_estimate"] == 0.0165
    assert stats["top_devices"][0]["device_ip"] == "192.168.1.100"
    assert stats["top_devices"][0]["device_name"] == "Living Room Mac"
    assert stats["top_endpoints"][0]["endpoint"] == "openai/chat/completions"
    assert len(stats["peak_hours"]) == 1
    assert stats["recent_activity"][0]["id"] == event["id"]

    summary = await seed.get("/summary")
    assert {name: summary[name]["requests"] for name in ("today", "week", "month")} == {
        "today": 1,
        "week": 1,
        "month": 1,
    }


async def test_usage_of_a_device(client: Client) -> None:
    seed = SeedClient(client)
    await seed.post("/usage", EVENT)
    daily = await seed.get("/usage/daily", device_ip="192.168.1.100")
    assert (daily["total"], daily["prompt"], daily["response"]) == (350, 150, 200)
    assert daily["by_endpoint"] == {"openai/chat/completions": {"count": 1, "tokens": 350}}
    device = await seed.get("/usage/device/192.168.1.100")
    assert (device["request_count"], device["total_tokens"]) == (1, 350)
    top = await seed.get("/usage/devices", days="7", limit="10")
    assert [row["device_ip"] for row in top] == ["192.168.1.100"]


async def test_trends(client: Client) -> None:
    seed = SeedClient(client)
    await seed.post("/usage", EVENT)
    trend = await seed.get("/trends/usage", days="30")
    assert trend["trend_direction"] == "stable"
    assert [point["value"] for point in trend["data_points"]] == [350]
    cost = await seed.get("/trends/cost")
    assert cost["total"] == 0.0165
    peaks = await seed.get("/trends/peak-hours", days="7")
    assert len(peaks["hourly_data"]) == 24
    assert len(peaks["peak_hours_by_requests"]) == 1
    weekdays = await seed.get("/trends/weekdays")
    assert sum(day["request_count"] for day in weekdays["weekday_data"]) == 1
    anomalies = await seed.get("/trends/anomalies", days="30")
    assert anomalies["anomalies"] == []
    compare = await seed.get("/trends/compare", days="7")
    assert compare["comparison"]["tokens"]["current"] == 350


async def test_reports(client: Client) -> None:
    seed = SeedClient(client)
    await seed.post("/usage", EVENT)
    report = await seed.get("/reports", period="week", device_ip="192.168.1.100")
    assert report["summary"]["total_tokens"] == 350
    assert report["cost_summary"]["by_provider"] == {"openai": 0.0165}
    lines = (await seed.get("/reports/export/csv", period="month")).splitlines()
    assert lines[0].startswith("date,device_ip,endpoint,provider,request_count,tokens_prompt")
    assert lines[1].split(",")[1:9] == [
        "192.168.1.100",
        "openai/chat/completions",
        "openai",
        "1",
        "150",
        "200",
        "350",
        "0.0165",
    ]
    exported = await seed.get("/reports/export/json", period="month")
    assert exported["summary"]["request_count"] == 1


async def test_costs_and_maintenance(client: Client) -> None:
    seed = SeedClient(client)
    await seed.post("/usage", EVENT)
    estimate = await seed.post(
        "/cost/estimate",
        {"provider": "openai", "model": "gpt-4", "tokens_prompt": 1000, "tokens_response": 500},
    )
    assert estimate["cost_usd"] == 0.06
    assert estimate["rate"]["prompt_per_1m"] == 30
    rates = await seed.get("/cost/rates", provider="openai")
    assert any(rate["model"] == "gpt-4" for rate in rates["rates"])
    custom = {
        "provider": "custom",
        "model": "my-model",
        "prompt_per_1m": 5.00,
        "response_per_1m": 10.00,
    }
    assert (await seed.post("/cost/rates", custom))["status"] == "ok"
    assert (await seed.post("/maintenance/cleanup", {"retention_days": 365}))["events_deleted"] == 0
    assert (await seed.post("/maintenance/aggregate", {}))["drift"] == 0
