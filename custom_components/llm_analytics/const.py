"""Constants for the LLM Analytics integration."""

from typing import Final

DOMAIN: Final = "llm_analytics"
DATABASE: Final = "llm_analytics.db"

CONF_RETENTION_DAYS: Final = "retention_days"
CONF_KEEP_DETAILS: Final = "keep_details"
CONF_KEEP_METADATA: Final = "keep_metadata"
CONF_CURRENCY: Final = "currency"
CONF_CATALOGUE: Final = "catalogue"
CONF_CATALOGUE_REFRESH: Final = "catalogue_refresh"
CONF_FREE_PROVIDERS: Final = "free_providers"
CONF_STATISTICS: Final = "statistics"
CONF_READERS: Final = "readers"
CONF_ANOMALY_THRESHOLD: Final = "anomaly_threshold"
CONF_KEEP_PERSON: Final = "keep_person"
CONF_PERSON_KEY: Final = "person_key"

# A recording client: a subentry with its own webhook.
SUBENTRY_CLIENT: Final = "client"
CONF_DEVICE_IP: Final = "device_ip"
CONF_LOCAL_ONLY: Final = "local_only"
CONF_REQUESTS_PER_MINUTE: Final = "requests_per_minute"
CONF_TAGS: Final = "tags"
CONF_USER_ID: Final = "user_id"

SUBENTRY_BUDGET: Final = "budget"
SUBENTRY_TRACKED: Final = "tracked"

CONF_AMOUNT: Final = "amount"
CONF_PERIOD: Final = "period"
CONF_SCOPE: Final = "scope"
CONF_SCOPE_NAME: Final = "scope_name"
CONF_THRESHOLDS: Final = "thresholds"
CONF_UNIT: Final = "unit"

DEFAULT_RETENTION_DAYS: Final = 365
MIN_RETENTION_DAYS: Final = 30
MAX_RETENTION_DAYS: Final = 730
DEFAULT_ANOMALY_THRESHOLD: Final = 2.0
MIN_ANOMALY_THRESHOLD: Final = 1.0
MAX_ANOMALY_THRESHOLD: Final = 10.0

EVENT_ANOMALY: Final = f"{DOMAIN}_anomaly"
EVENT_BUDGET: Final = f"{DOMAIN}_budget"
EVENT_UNPRICED_MODEL: Final = f"{DOMAIN}_unpriced_model"

# The newest data of genai-prices, at the URL that its own updater uses.
CATALOGUE_URL: Final = (
    "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main"
    "/prices/new_data/v2/data.json"
)
