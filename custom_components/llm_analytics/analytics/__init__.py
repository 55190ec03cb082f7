"""The engine: a household's ledger of language-model usage, without Home Assistant.

Everything outside this package uses what is named here and nothing else of it.
"""

from .budgets.budget import BUDGET_PERIODS, MAX_THRESHOLD, Budget, BudgetState, BudgetUnit, Crossing
from .directory import Directory, Known
from .errors import (
    AnalyticsError,
    ClosedError,
    DamagedDatabaseError,
    EventsRemovedError,
    InvalidInputError,
    NewerSchemaError,
    NotFoundError,
    StorageError,
)
from .limits import (
    MAX_BATCH,
    MAX_COST,
    MAX_METADATA_BYTES,
    MAX_MS,
    MAX_PRICE,
    MAX_TAGS,
    MAX_TOKENS,
    is_storable,
    metadata_text,
    normal_device_id,
    normal_ip,
)
from .long_term_statistics.hours import HourlySeries, HourlySums, SeriesHours
from .maintenance.health import Attention, Health
from .maintenance.results import CleanUp
from .models import (
    ANONYMOUS,
    TOKEN_FIELDS,
    CostSource,
    Price,
    Rate,
    Recorded,
    RecordedBatch,
    ServiceTier,
    Status,
    StoredEvent,
    UsageEvent,
)
from .notices import Notice, NoticeKind
from .periods import Period, Span, midnight
from .pricing.catalogue import Catalogue
from .pricing.exchange_rates import ExchangeRate
from .pricing.unpriced import UnpricedModel
from .providers import FREE_PROVIDERS, normal_provider
from .reports.breakdown import By
from .reports.brief import Brief, Part, Stretch
from .reports.dashboard import Dashboard
from .reports.figures import Figures, Watch
from .reports.report import Report
from .reports.statistics import breakdown_figures, daily_rows, model_statistics, window_statistics
from .reports.summary import PeriodTotals, Summary
from .service import Analytics
from .settings import KeepPerson, Settings
from .totals import Filter, Json, Totals
from .tracking.listing import EventPage
from .tracking.rate_limit import RateLimit
from .trends.anomalies import ANOMALY_TYPES, HIGH, LOW, LatestScores
from .trends.metrics import Interval, Metric

__all__ = [
    "ANOMALY_TYPES",
    "ANONYMOUS",
    "BUDGET_PERIODS",
    "FREE_PROVIDERS",
    "HIGH",
    "LOW",
    "MAX_BATCH",
    "MAX_COST",
    "MAX_METADATA_BYTES",
    "MAX_MS",
    "MAX_PRICE",
    "MAX_TAGS",
    "MAX_THRESHOLD",
    "MAX_TOKENS",
    "TOKEN_FIELDS",
    "Analytics",
    "AnalyticsError",
    "Attention",
    "Brief",
    "Budget",
    "BudgetState",
    "BudgetUnit",
    "By",
    "Catalogue",
    "CleanUp",
    "ClosedError",
    "CostSource",
    "Crossing",
    "DamagedDatabaseError",
    "Dashboard",
    "Directory",
    "EventPage",
    "EventsRemovedError",
    "ExchangeRate",
    "Figures",
    "Filter",
    "Health",
    "HourlySeries",
    "HourlySums",
    "Interval",
    "InvalidInputError",
    "Json",
    "KeepPerson",
    "Known",
    "LatestScores",
    "Metric",
    "NewerSchemaError",
    "NotFoundError",
    "Notice",
    "NoticeKind",
    "Part",
    "Period",
    "PeriodTotals",
    "Price",
    "Rate",
    "RateLimit",
    "Recorded",
    "RecordedBatch",
    "Report",
    "SeriesHours",
    "ServiceTier",
    "Settings",
    "Span",
    "Status",
    "StorageError",
    "StoredEvent",
    "Stretch",
    "Summary",
    "Totals",
    "UnpricedModel",
    "UsageEvent",
    "Watch",
    "breakdown_figures",
    "daily_rows",
    "is_storable",
    "metadata_text",
    "midnight",
    "model_statistics",
    "normal_device_id",
    "normal_ip",
    "normal_provider",
    "window_statistics",
]
