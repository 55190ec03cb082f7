"""Repair issues: what the household should look after, looked at again and again.

Which issues there are follows from the ledger's state alone, so an issue goes when its reason has
gone, whoever mended it. Issues that something else raises are left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
import logging
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .analytics import Analytics, AnalyticsError, Attention
from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

# Below this a checkpoint of the journal and Home Assistant's own files no longer fit for long.
LOW_DISK_BYTES: Final = 500_000_000
# As many models as anybody would go through by hand; the others follow when these are done.
_MAX_MODELS: Final = 10

UNPRICED_MODEL: Final = "unpriced_model"
DISK_NEARLY_FULL: Final = "disk_nearly_full"
LEDGER_LEFT: Final = "ledger_left"
TOO_MANY: Final = {
    "device": "too_many_devices",
    "endpoint": "too_many_endpoints",
    "label": "too_many_labels",
    "model": "too_many_models",
    "tag": "too_many_tags",
    "tag_set": "too_many_tags",
    "user": "too_many_users",
}
_WATCHED: Final = {UNPRICED_MODEL, DISK_NEARLY_FULL, *TOO_MANY.values()}


@dataclass(frozen=True)
class Issue:
    """An issue as it is to stand in the registry."""

    issue_id: str
    translation_key: str
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING
    placeholders: dict[str, str] = field(default_factory=dict)
    data: dict[str, str | int | float | None] | None = None


def _unpriced_models(attention: Attention) -> Iterator[Issue]:
    named = [row for row in attention.unpriced if row.model is not None]
    for row in named[:_MAX_MODELS]:
        name = f"{row.provider}/{row.model}"
        yield Issue(
            f"{UNPRICED_MODEL}_{name}",
            UNPRICED_MODEL,
            placeholders={"model": name, "requests": str(row.requests), "tokens": str(row.tokens)},
            data={"provider": row.provider, "model": row.model},
        )


def _disk(attention: Attention) -> Iterator[Issue]:
    if attention.free_bytes < LOW_DISK_BYTES:
        yield Issue(
            DISK_NEARLY_FULL,
            DISK_NEARLY_FULL,
            ir.IssueSeverity.ERROR,
            {"free": f"{attention.free_bytes / 1_000_000:.0f} MB"},
        )


def _full(attention: Attention) -> Iterator[Issue]:
    for key in {TOO_MANY[name] for name in attention.full}:
        yield Issue(key, key)


_CHECKS: Final = (_unpriced_models, _disk, _full)


class IssueWatch:
    """Keeps the issue registry true to one ledger."""

    def __init__(self, hass: HomeAssistant, analytics: Analytics) -> None:
        """Prepare; nothing is looked at yet."""
        self._hass = hass
        self._analytics = analytics

    async def async_look(self, _: datetime | None = None) -> None:
        """Raise what there is to raise, and withdraw what has been mended."""
        try:
            attention = await self._analytics.attention()
        except AnalyticsError as error:
            _LOGGER.debug("The ledger could not be looked at: %s", error)
            return
        issues = {issue.issue_id: issue for check in _CHECKS for issue in check(attention)}
        for issue in issues.values():
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                issue.issue_id,
                data=issue.data,
                is_fixable=issue.data is not None,
                severity=issue.severity,
                translation_key=issue.translation_key,
                translation_placeholders=issue.placeholders,
            )
        for domain, issue_id in list(ir.async_get(self._hass).issues):
            if domain == DOMAIN and issue_id not in issues:
                _withdraw(self._hass, issue_id)


@callback
def _withdraw(hass: HomeAssistant, issue_id: str) -> None:
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if issue is not None and issue.translation_key in _WATCHED:
        ir.async_delete_issue(hass, DOMAIN, issue_id)


@callback
def async_withdraw_all(hass: HomeAssistant) -> None:
    """Withdraw every issue of a ledger that is no longer there to be looked at."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
