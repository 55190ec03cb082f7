"""What the household has chosen."""

from collections.abc import Collection
from dataclasses import dataclass, field

from .default_rates import FREE_PROVIDERS


@dataclass(frozen=True, slots=True)
class Settings:
    """What the household has chosen. ``retention_days`` 0 keeps events for ever."""

    retention_days: int = 365
    keep_details: bool = True
    keep_metadata: bool = True
    use_catalogue: bool = True
    free_providers: Collection[str] = field(default=FREE_PROVIDERS)
