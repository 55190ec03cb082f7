"""The engine: a household's ledger of language-model usage, without Home Assistant.

Everything outside this package uses what is named here and nothing else of it.
"""

from .allowance import Allowance
from .anomalies import ANOMALY_TYPES, HIGH, LOW, LatestScores
from .breakdowns import By, by_model, daily, figures, statistics
from .briefs import Brief, Part, Stretch
from .budgets import BUDGET_PERIODS, MAX_THRESHOLD, Budget, BudgetState, BudgetUnit, Crossing
from .catalogue import Catalogue
from .checks import (
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
    normal_provider,
)
from .costs import UnpricedModel
from .default_rates import FREE_PROVIDERS
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
from .hourly import HourlySeries, HourlySums, SeriesHours
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
from .overview import (
    Attention,
    CleanUp,
    Dashboard,
    EventPage,
    Figures,
    Health,
    PeriodTotals,
    Summary,
    Watch,
)
from .periods import Period, Span, midnight
from .places import Directory, Known
from .pricing import ExchangeRate
from .reports import Report
from .service import Analytics
from .settings import KeepPerson, Settings
from .totals import Filter, Json, Totals
from .trends import Interval, Metric

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
    "Allowance",
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
    "by_model",
    "daily",
    "figures",
    "is_storable",
    "metadata_text",
    "midnight",
    "normal_device_id",
    "normal_ip",
    "normal_provider",
    "statistics",
]
