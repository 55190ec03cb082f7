"""The answers of all endpoints, as JSON Schemas for the OpenAPI document.

Every endpoint has a row in ``ANSWERS``.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from ..analytics import By, CostSource, Interval, Metric, Period, ServiceTier, Status
from .json_schema import (
    COUNT,
    DATE,
    FLAG,
    HOUR,
    MONEY,
    NUMBER,
    TEXT,
    TIME,
    Shape,
    by_name,
    maybe,
    rows,
    shape,
    word,
)


def component(name: str) -> Shape:
    """Return a reference to a component schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


_DEVICE = {"device_ip": maybe(TEXT), "device_id": maybe(TEXT), "device_name": maybe(TEXT)}
_PLACE = {"area": maybe(TEXT), "person": maybe(TEXT)}
_USER = {"user_id": TEXT, "user_name": maybe(TEXT)}
_FILTERED = {"filter_device_ip": maybe(TEXT)}
_WINDOW = {"period_days": COUNT} | _FILTERED
_PROMPT_RESPONSE = {"tokens_prompt": COUNT, "tokens_response": COUNT}
_COST = {"cost_estimate": MONEY}
_UNPRICED = {"unpriced_requests": COUNT}
_COUNTED = {"request_count": COUNT, "total_tokens": COUNT}
_RANKED = _COUNTED | _COST
_ROW = _COUNTED | _PROMPT_RESPONSE | _COST | _UNPRICED
# In the household currency; null if none is selected.
_HOME = {"home_cost": maybe(MONEY), "unconverted_requests": maybe(COUNT)}
_HOME_CURRENCY = {"home_currency": maybe(TEXT)}
_UNCONVERTED = {"unconverted_requests": COUNT}
_REPORTED = _ROW | _HOME
_FIGURES = {"requests": COUNT, "tokens": COUNT, "cost": MONEY}
_STATUS = word("ok", "incomplete")
_BATCHED = {"status": _STATUS, "complete": FLAG}

ERROR: Final = shape(message=TEXT, field=maybe(TEXT))
_EVENT: Final = (
    {"id": COUNT, "timestamp": TIME}
    | _DEVICE
    | {"endpoint": TEXT, "provider": TEXT, "model": maybe(TEXT), "total_tokens": COUNT}
    | _PROMPT_RESPONSE
    | dict.fromkeys(
        ("tokens_cache_read", "tokens_cache_write", "tokens_cache_write_1h", "tokens_reasoning"),
        COUNT,
    )
    | {"latency_ms": maybe(MONEY), "ttft_ms": maybe(MONEY), "user_id": TEXT}
    | {"agent": maybe(TEXT), "context": maybe(TEXT), "tags": rows(TEXT), "request_id": maybe(TEXT)}
    | {"service_tier": maybe(word(*ServiceTier)), "status": word(*Status)}
    | {"error_type": maybe(TEXT), "metadata": maybe({"type": "object"})}
    | {"cost_estimate": maybe(MONEY), "cost_source": word(*CostSource), "priced_as": maybe(TEXT)}
    | {"home_cost": maybe(MONEY)}
    | _HOME_CURRENCY
    | {"source": TEXT, "recorded_by": maybe(TEXT)}
)
_BATCH = shape(recorded=COUNT, duplicates=COUNT, events=rows(COUNT))
_PERIOD = shape(
    {"period": word("day", "week", "month"), "start_date": TIME, "end_date": TIME},
    {"requests": COUNT, "tokens": COUNT},
    _PROMPT_RESPONSE | _COST | _UNPRICED | _HOME,
    failed_requests=COUNT,
    unique_devices=COUNT,
)
_SUMMED = shape({"requests": COUNT, "tokens": COUNT}, _COST | _UNPRICED | _HOME)
_REPORT: Final = {
    "report_id": TEXT,
    "generated_at": TIME,
    "period": word(*Period),
    "period_start": TIME,
    "period_end": TIME,
    "events_from": maybe(TIME),
    **_FILTERED,
    "summary": shape(
        _REPORTED,
        unique_devices=COUNT,
        failed_requests=COUNT,
        avg_tokens_per_request=MONEY,
        avg_latency_ms=maybe(MONEY),
    ),
    "by_device": rows(shape(_DEVICE, _PLACE, _REPORTED)),
    "by_endpoint": rows(shape({"endpoint": TEXT}, _REPORTED)),
    "by_provider": rows(shape({"provider": TEXT, "model": maybe(TEXT)}, _REPORTED)),
    "by_user": rows(shape(_USER, _REPORTED)),
    "by_area": rows(shape({"area": maybe(TEXT)}, _REPORTED)),
    "by_person": rows(shape({"person": maybe(TEXT)}, _REPORTED)),
    "daily_breakdown": rows(shape({"date": DATE}, _REPORTED)),
    "cost_summary": shape(
        total_cost_usd=MONEY,
        currency=TEXT,
        by_provider=by_name(MONEY),
        home=maybe(shape(_UNCONVERTED, currency=TEXT, total=MONEY)),
    ),
}
_PRICES = ("prompt_per_1m", "response_per_1m", "cache_read_per_1m", "cache_write_per_1m")
_MORE_PRICES = ("cache_write_1h_per_1m", "reasoning_per_1m")
_DIRECTION = word("up", "down", "stable")
_PROJECTED = shape(month_to_date=MONEY, projected=MONEY, low=MONEY, high=MONEY)
_SPREAD = shape(median=MONEY, mad=MONEY, mean=MONEY, std=MONEY)
_SCORE = shape(
    type=word("requests", "tokens", "cost"),
    z_score=NUMBER,
    direction=word("high", "low"),
    expected=MONEY,
    scale=MONEY,
)
_COMPARED = shape(
    current=MONEY,
    previous=MONEY,
    change=NUMBER,
    change_percent=NUMBER,
    previous_to_same_time=maybe(MONEY),
    change_percent_to_same_time=maybe(NUMBER),
)
_DATES = shape(start=DATE, end=DATE)

COMPONENTS: Final[dict[str, Shape]] = {
    "Error": ERROR,
    "Event": shape(_EVENT),
    "RepeatedEvent": shape(_EVENT, duplicate={"const": True}),
    "Receipt": shape(id=COUNT),
    "RepeatedReceipt": shape(id=COUNT, duplicate={"const": True}),
    "RecordedBatch": _BATCH,
    "Report": shape(_REPORT),
    "DetailedReport": shape(_REPORT, events=rows(component("Event"))),
}


@dataclass(frozen=True)
class Answer:
    """The summary of an operation, the schema of its answer and its specific errors.

    ``created`` is the schema of the answer with status 201; ``rule`` describes what the schemas of
    single fields cannot express.
    """

    summary: str
    shape: Shape
    errors: tuple[HTTPStatus, ...] = ()
    rule: str = ""
    created: Shape | None = None
    media: str = "application/json"


_UNKNOWN = (HTTPStatus.NOT_FOUND,)
_REMOVED = (HTTPStatus.CONFLICT,)
_EITHER = "Parameters come from the query or the body, each from one of the two."
_FROM_EVENTS = "409 where single events would be needed that a clean-up has removed."
_BETWEEN = f"start <= time < end; start must be before end. {_FROM_EVENTS}"
_DEVICE_RULE = "Give device_ip or device_id, not both."
_PERIOD_RULE = f"start and end go together, and with period=custom only. {_BETWEEN}"
_PARTS_RULE = "The parts of tokens belong to their totals and must not be greater."


# By method and path of the operation.
ANSWERS: Final[dict[tuple[str, str], Answer]] = {
    ("post", "usage"): Answer(
        "Record one request, or a batch of up to 1,000 requests",
        {"anyOf": [*map(component, ("RepeatedEvent", "RepeatedReceipt", "RecordedBatch"))]},
        rule=f"{_DEVICE_RULE} {_PARTS_RULE} A provider is needed unless the model is"
        " provider/model. A timestamp may be up to 5 minutes ahead. A request_id is stored once a"
        " provider: again it is answered with 200 and the stored event. A batch is stored whole or"
        " not at all. Who may not read is answered with the event's id alone.",
        created={"anyOf": [*map(component, ("Event", "Receipt", "RecordedBatch"))]},
    ),
    ("get", "reports/export/csv"): Answer(
        "Download a report as CSV", TEXT, _REMOVED, _PERIOD_RULE, media="text/csv"
    ),
    ("get", "reports/export/json"): Answer(
        "Download a report as JSON, optionally with its requests",
        {"anyOf": [component("Report"), component("DetailedReport")]},
        _REMOVED,
        _PERIOD_RULE,
    ),
    ("get", "dashboard"): Answer(
        "Get the figures for a dashboard, with top devices and recent requests",
        shape(
            {"today": _PERIOD, "week": _PERIOD, "month": _PERIOD},
            _FILTERED | _HOME_CURRENCY,
            top_devices=rows(shape(_DEVICE, _PLACE, _RANKED)),
            top_endpoints=rows(shape({"endpoint": TEXT}, _RANKED)),
            peak_hours=rows(HOUR),
            recent_activity=rows(component("Event")),
            generated_at=TIME,
        ),
        _REMOVED,
        _FROM_EVENTS,
    ),
    ("get", "summary"): Answer(
        "Get usage and cost of today, this week, and this month",
        shape({"today": _SUMMED, "week": _SUMMED, "month": _SUMMED}, _FILTERED | _HOME_CURRENCY),
        _REMOVED,
        _FROM_EVENTS,
    ),
    ("get", "usage"): Answer(
        "List requests, newest first",
        shape(events=rows(component("Event")), next=maybe(TEXT), events_from=maybe(TIME)),
        _REMOVED,
        f"before is the next of an earlier answer. {_BETWEEN}",
    ),
    ("get", "usage/daily"): Answer(
        "Get the usage of a device on one day",
        shape(
            {"date": DATE, "device_ip": maybe(TEXT), "device_id": maybe(TEXT)},
            {"request_count": COUNT, "total": COUNT, "prompt": COUNT, "response": COUNT},
            _COST | _UNPRICED,
            by_endpoint=by_name(shape(count=COUNT, tokens=COUNT)),
        ),
        rule=_DEVICE_RULE,
    ),
    ("get", "usage/devices"): Answer(
        "List the devices with the most tokens", rows(shape(_DEVICE, _PLACE, _RANKED))
    ),
    ("post", "usage/devices/name"): Answer(
        "Rename a device, or restore the name that its clients send",
        shape(status=word("ok"), device_name=maybe(TEXT)),
        _UNKNOWN,
        f"{_DEVICE_RULE} Without a name, the name that arrived last is shown again.",
    ),
    ("get", "usage/device/{device}"): Answer(
        "Get the usage of a device in the last days",
        shape(
            _DEVICE,
            _PLACE,
            {"period_days": COUNT, "start_date": DATE, "end_date": DATE},
            _ROW,
            stats=shape(_ROW),
            daily=rows(shape({"date": DATE, "requests": COUNT, "tokens": COUNT}, _COST)),
            trend=shape(direction=_DIRECTION, change_percent=NUMBER, average_daily_tokens=MONEY),
            peak_hours=rows(HOUR),
            hourly_distribution=rows(shape({"hour": HOUR}, _COUNTED), 24),
        ),
        _UNKNOWN,
    ),
    ("get", "usage/{id}"): Answer("Get one request", component("Event"), _UNKNOWN),
    ("delete", "usage/{id}"): Answer(
        "Delete one request and update all totals", shape(status=word("ok"), id=COUNT), _UNKNOWN
    ),
    ("get", "stats/summary"): Answer(
        "Get the totals of a time range",
        {
            "anyOf": [
                shape(total_requests={"const": 0}),
                shape(
                    {"total_requests": COUNT, "total_tokens": COUNT, "total_cost": MONEY},
                    _UNPRICED,
                    avg_latency_ms=maybe(MONEY),
                    avg_cost_per_request=MONEY,
                ),
            ]
        },
        _REMOVED,
        _BETWEEN,
    ),
    ("get", "stats/models"): Answer(
        "Get totals by model",
        by_name(shape(_FIGURES | _UNPRICED, avg_latency_ms=maybe(MONEY), cost_per_request=MONEY)),
        _REMOVED,
        _BETWEEN,
    ),
    ("get", "stats/endpoints"): Answer(
        "Get totals by endpoint", by_name(shape(_FIGURES | _UNPRICED)), _REMOVED, _BETWEEN
    ),
    ("get", "stats/tags"): Answer(
        "Get totals by tag", by_name(shape(_FIGURES | _UNPRICED)), _REMOVED, _BETWEEN
    ),
    ("get", "stats/users"): Answer(
        "Get totals by user",
        by_name(shape({"user_name": maybe(TEXT)} | _FIGURES, models_used=rows(TEXT))),
        _REMOVED,
        _BETWEEN,
    ),
    ("get", "stats/users/top"): Answer(
        "List the users with the highest cost",
        rows(shape(_USER | _FIGURES, models_used=rows(TEXT))),
        _REMOVED,
        _BETWEEN,
    ),
    ("get", "stats/daily"): Answer("Get totals by day", rows(shape({"date": DATE} | _FIGURES))),
    ("get", "stats/hourly"): Answer(
        "Get the number of requests by hour of the day",
        shape({f"{hour:02}": COUNT for hour in range(24)}),
    ),
    ("get", "stats/breakdown"): Answer(
        "Get a time range as series for a stacked chart",
        shape(
            by=word(*By),
            interval=word(*Interval),
            points=rows(DATE),
            series=rows(
                shape(
                    {"key": maybe(TEXT), "name": maybe(TEXT)},
                    requests=rows(COUNT),
                    tokens=rows(COUNT),
                    cost=rows(MONEY),
                )
            ),
        ),
        _REMOVED,
        _BETWEEN,
    ),
    ("get", "stats/heatmap"): Answer(
        "Get totals by weekday (0 is Sunday) and hour",
        shape({name: rows(rows(one, 24), 7) for name, one in _FIGURES.items()}),
        _REMOVED,
        f"{_DEVICE_RULE} {_FROM_EVENTS}",
    ),
    ("get", "trends/peak-hours"): Answer(
        "Get the busiest hours of the day",
        shape(
            _WINDOW,
            hourly_data=rows(
                shape({"hour": HOUR, "hour_label": TEXT} | _COUNTED, avg_tokens_per_request=MONEY),
                24,
            ),
            peak_hours_by_requests=rows(HOUR),
            peak_hours_by_tokens=rows(HOUR),
            summary=shape(most_active_hour=maybe(HOUR), least_active_hour=maybe(HOUR)),
        ),
        _REMOVED,
        f"{_DEVICE_RULE} {_FROM_EVENTS}",
    ),
    ("get", "trends/weekdays"): Answer(
        "Get the busiest days of the week",
        shape(
            _WINDOW,
            weekday_data=rows(shape({"weekday": COUNT, "weekday_name": TEXT} | _COUNTED), 7),
            summary=shape(
                {"busiest_day": maybe(TEXT), "quietest_day": maybe(TEXT)},
                weekday_total_requests=COUNT,
                weekend_total_requests=COUNT,
                weekday_vs_weekend_ratio=MONEY,
            ),
        ),
        _REMOVED,
        _FROM_EVENTS,
    ),
    ("get", "trends/anomalies"): Answer(
        "Find days with unusual usage or cost",
        shape(
            _WINDOW,
            {"threshold_std": MONEY},
            statistics=shape(requests=_SPREAD, tokens=_SPREAD, cost=_SPREAD),
            request_mean=MONEY,
            request_std=MONEY,
            token_mean=MONEY,
            token_std=MONEY,
            anomalies=rows(shape({"date": DATE} | _RANKED, anomaly_types=rows(_SCORE))),
            summary=shape(
                total_anomalous_days=COUNT, anomaly_rate=MONEY, insufficient_data=FLAG, message=TEXT
            ),
        ),
        _REMOVED,
        _FROM_EVENTS,
    ),
    ("get", "trends/compare"): Answer(
        "Compare the last days with the days before",
        shape(
            _WINDOW,
            _UNPRICED,
            current_period=_DATES,
            previous_period=_DATES,
            comparison=shape(
                requests=_COMPARED, tokens=_COMPARED, cost=_COMPARED, devices=_COMPARED
            ),
        ),
        _REMOVED,
        _FROM_EVENTS,
    ),
    ("get", "trends/forecast"): Answer(
        "Forecast the tokens and the cost of this month",
        shape(tokens=_PROJECTED, cost=_PROJECTED, method=TEXT, days_used=COUNT),
    ),
    ("get", "trends/{metric}"): Answer(
        "Get the trend of a metric",
        shape(
            {"metric": word(*Metric), "start_date": DATE, "end_date": DATE} | _WINDOW | _UNPRICED,
            data_points=rows(shape(date=DATE, value=MONEY)),
            trend_direction=_DIRECTION,
            change_percent=NUMBER,
            average_daily=MONEY,
            total=MONEY,
            peak_value=MONEY,
            peak_date=maybe(DATE),
            min_value=MONEY,
            min_date=maybe(DATE),
            volatility=MONEY,
        ),
        _REMOVED,
        _FROM_EVENTS,
    ),
    ("get", "reports"): Answer(
        "Get a report on a period", component("Report"), _REMOVED, _PERIOD_RULE
    ),
    ("post", "cost/estimate"): Answer(
        "Estimate the cost of a request",
        shape(
            {"cost_usd": MONEY, "currency": TEXT, "provider": TEXT, "model": TEXT},
            {"priced_as": maybe(TEXT), "cost_source": word(*CostSource)},
            breakdown=shape(
                {"prompt_tokens": COUNT, "response_tokens": COUNT},
                {"prompt_cost": MONEY, "response_cost": MONEY},
                {"cache_read_cost": MONEY, "cache_write_cost": MONEY},
            ),
            rate=shape(dict.fromkeys(_PRICES, MONEY)),
        ),
        _UNKNOWN,
        _PARTS_RULE,
    ),
    ("get", "cost/rates"): Answer(
        "List prices per million tokens, and models without a price",
        shape(
            rates=rows(
                shape(
                    {"provider": TEXT, "model": maybe(TEXT)},
                    dict.fromkeys((*_PRICES, *_MORE_PRICES), maybe(MONEY)),
                    {"currency": TEXT, "effective_date": maybe(TIME), "used": FLAG},
                    {"source": word(*CostSource), "notes": maybe(TEXT)},
                )
            ),
            unpriced=rows(
                shape(provider=TEXT, model=maybe(TEXT), requests=COUNT, tokens=COUNT, last=DATE)
            ),
        ),
    ),
    ("post", "cost/rates"): Answer(
        "Set the price of a model",
        shape(status=_STATUS, message=TEXT, repriced_events=COUNT),
        rule="A currency other than USD needs an exchange rate.",
    ),
    ("delete", "cost/rates"): Answer(
        "Delete one price of a model, or all its prices",
        shape(status=word("ok"), deleted=COUNT),
        _UNKNOWN,
    ),
    ("post", "cost/reprice"): Answer(
        "Recalculate the cost of recorded requests",
        shape(
            _BATCHED | {"message": TEXT, "repriced_events": COUNT, "still_unpriced": COUNT},
            {"cost_before": MONEY, "cost_after": MONEY, "skipped": rows(DATE)},
        ),
        _REMOVED,
        f"{_EITHER} {_BETWEEN}",
    ),
    ("get", "cost/exchange-rates"): Answer(
        "List exchange rates by currency, newest first",
        shape(
            _HOME_CURRENCY,
            exchange_rates=rows(shape(currency=TEXT, usd=MONEY, effective_date=maybe(TIME))),
        ),
    ),
    ("post", "cost/exchange-rates"): Answer(
        "Set the exchange rate of a currency",
        shape(status=word("ok"), message=TEXT, effective_date=maybe(TIME)),
        rule="Without effective_date the rate holds from the beginning if it is the first of its"
        " currency, else from now on.",
    ),
    ("post", "cost/convert"): Answer(
        "Calculate the cost of recorded requests in the household currency",
        shape(
            _BATCHED | {"message": TEXT, "currency": TEXT, "converted_events": COUNT},
            {"still_unconverted": COUNT, "skipped": rows(DATE)},
        ),
        _REMOVED,
        f"{_EITHER} {_BETWEEN} 400 while the household has chosen no currency.",
    ),
    ("post", "maintenance/cleanup"): Answer(
        "Remove requests that are older than the retention period",
        shape(
            _BATCHED | {"cutoff_date": maybe(TIME), "events_from": maybe(TIME)},
            {"events_deleted": COUNT, "aggregates_deleted": COUNT, "bytes_reclaimed": COUNT},
        ),
        rule=_EITHER,
    ),
    ("post", "maintenance/aggregate"): Answer(
        "Recalculate daily totals from the recorded requests",
        shape(
            _BATCHED | {"aggregates_updated": COUNT, "date": maybe(DATE), "drift": COUNT},
            skipped=rows(DATE),
        ),
        _REMOVED,
        f"{_EITHER} 409 for a day whose events are gone.",
    ),
    ("get", "health"): Answer(
        "Get the state of the ledger",
        shape(
            {"status": TEXT, "schema_version": COUNT, "events": COUNT, "database_bytes": COUNT},
            {"first_day": maybe(DATE), "events_from": maybe(TIME), "last_write": maybe(TIME)},
            {"queue_depth": COUNT, "unpriced_models": rows(TEXT)},
        ),
    ),
    ("get", "openapi.json"): Answer(
        "Get the OpenAPI description of this API",
        {"type": "object", "required": ["openapi", "info", "servers", "paths", "components"]},
    ),
}
