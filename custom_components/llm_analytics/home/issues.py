"""Repair issues: the table of all issues, and the check for those that depend on the ledger.

Watched issues are deleted when their reason no longer exists, however it was fixed. The others are
created and deleted by the code that they are about. A new issue is a row in ``ISSUES``; if it is
watched, it also needs a function in ``_CHECKS``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
import logging
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..analytics import Analytics, AnalyticsError, Attention
from ..const import DOMAIN

_LOGGER = logging.getLogger(__name__)

# Below this, checkpoints of the WAL and Home Assistant's own files will soon not fit.
LOW_DISK_BYTES: Final = 500_000_000
# Limits the issues that are open at a time; the other models follow when these are fixed.
_MAX_MODELS: Final = 10

DAMAGED_DATABASE: Final = "damaged_database"
DISK_NEARLY_FULL: Final = "disk_nearly_full"
EXCHANGE_RATE_MISSING: Final = "exchange_rate_missing"
LEDGER_LEFT: Final = "ledger_left"
UNPRICED_MODEL: Final = "unpriced_model"


@dataclass(frozen=True)
class IssueKind:
    """The properties of all issues with the same translation key.

    ``persistent`` issues survive a restart; ``watched`` issues are deleted when the ledger no
    longer has a reason for them.
    """

    placeholders: frozenset[str] = frozenset()
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING
    fixable: bool = False
    persistent: bool = False
    watched: bool = False


_TOO_MANY: Final = IssueKind(watched=True)
ISSUES: Final[dict[str, IssueKind]] = {
    DAMAGED_DATABASE: IssueKind(frozenset({"path"}), ir.IssueSeverity.ERROR),
    DISK_NEARLY_FULL: IssueKind(frozenset({"free"}), ir.IssueSeverity.ERROR, watched=True),
    EXCHANGE_RATE_MISSING: IssueKind(frozenset({"currency"}), watched=True),
    LEDGER_LEFT: IssueKind(frozenset({"path", "size"}), fixable=True, persistent=True),
    "too_many_devices": _TOO_MANY,
    "too_many_endpoints": _TOO_MANY,
    "too_many_labels": _TOO_MANY,
    "too_many_models": _TOO_MANY,
    "too_many_tags": _TOO_MANY,
    "too_many_users": _TOO_MANY,
    UNPRICED_MODEL: IssueKind(
        frozenset({"model", "requests", "tokens"}), fixable=True, watched=True
    ),
}
# The issue of each dimension that can reach its maximum number of names.
_FULL: Final = {
    "device": "too_many_devices",
    "endpoint": "too_many_endpoints",
    "label": "too_many_labels",
    "model": "too_many_models",
    "origin": "too_many_labels",
    "tag": "too_many_tags",
    "tag_set": "too_many_tags",
    "user": "too_many_users",
}


@dataclass(frozen=True)
class Issue:
    """An issue; ``subject`` distinguishes those of one kind, ``data`` is for the repair flow."""

    kind: str
    placeholders: dict[str, str]
    subject: str | None = None
    data: dict[str, str | int | float | None] | None = None

    @property
    def issue_id(self) -> str:
        """Return the ID in the issue registry."""
        return self.kind if self.subject is None else f"{self.kind}_{self.subject}"


@callback
def async_raise(hass: HomeAssistant, issue: Issue) -> None:
    """Create an issue in the issue registry, or update it."""
    kind = ISSUES[issue.kind]
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue.issue_id,
        data=issue.data,
        is_fixable=kind.fixable,
        is_persistent=kind.persistent,
        severity=kind.severity,
        translation_key=issue.kind,
        translation_placeholders=issue.placeholders,
    )


@callback
def async_withdraw(hass: HomeAssistant, issue_id: str) -> None:
    """Delete an issue from the issue registry, if it exists."""
    ir.async_delete_issue(hass, DOMAIN, issue_id)


@callback
def async_withdraw_all(hass: HomeAssistant) -> None:
    """Delete all issues of the integration, because it is removed."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN:
            async_withdraw(hass, issue_id)


def _unpriced_models(attention: Attention) -> Iterator[Issue]:
    named = [row for row in attention.unpriced if row.model is not None]
    for row in named[:_MAX_MODELS]:
        name = f"{row.provider}/{row.model}"
        yield Issue(
            UNPRICED_MODEL,
            {"model": name, "requests": f"{row.requests:,}", "tokens": f"{row.tokens:,}"},
            subject=name,
            data={"provider": row.provider, "model": row.model},
        )


def _disk(attention: Attention) -> Iterator[Issue]:
    if attention.free_bytes < LOW_DISK_BYTES:
        yield Issue(DISK_NEARLY_FULL, {"free": f"{attention.free_bytes / 1_000_000:.0f} MB"})


def _exchange_rate(attention: Attention) -> Iterator[Issue]:
    if attention.missing_rate is not None:
        yield Issue(EXCHANGE_RATE_MISSING, {"currency": attention.missing_rate})


def _full(attention: Attention) -> Iterator[Issue]:
    for kind in {_FULL[dimension] for dimension in attention.full}:
        yield Issue(kind, {})


_CHECKS: Final = (_unpriced_models, _disk, _exchange_rate, _full)


class IssueWatch:
    """Keeps the watched issues of a ledger up to date."""

    def __init__(self, hass: HomeAssistant, analytics: Analytics) -> None:
        """Initialize; nothing is checked yet."""
        self._hass = hass
        self._analytics = analytics

    async def async_look(self, _: datetime | None = None) -> None:
        """Create the issues that apply, and delete watched issues that no longer do."""
        try:
            attention = await self._analytics.maintenance.attention()
        except AnalyticsError as error:
            _LOGGER.debug("The ledger could not be looked at: %s", error)
            return
        issues = {issue.issue_id: issue for check in _CHECKS for issue in check(attention)}
        for issue in issues.values():
            async_raise(self._hass, issue)
        for (domain, issue_id), known in list(ir.async_get(self._hass).issues.items()):
            kind = ISSUES.get(known.translation_key or "")
            if domain == DOMAIN and kind is not None and kind.watched and issue_id not in issues:
                async_withdraw(self._hass, issue_id)
