"""Base of the subentry flows that ask for a scope, which is selected from the ledger or typed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import voluptuous as vol

from ..analytics import By, InvalidInputError, normal_provider
from ..const import CONF_SCOPE, CONF_SCOPE_NAME
from ..contract.schemas import device_key
from ..contract.validators import Text
from ..coordinator import LlmAnalyticsConfigEntry

# The kinds of scope, with the function that normalizes a name as in the ledger.
SCOPES: Final[dict[By, Callable[[str], str]]] = {
    By.DEVICE: device_key,
    By.PROVIDER: lambda text: normal_provider(Text(1, 50)(text)),
    By.MODEL: Text(1, 151),
    By.USER: Text(1, 255),
    By.TAG: Text(1, 64),
}
EVERYTHING: Final = "all"


def choice(name: str, options: list[str]) -> SelectSelector:
    """Return a selector with translated options."""
    return SelectSelector(
        SelectSelectorConfig(
            options=options, translation_key=name, mode=SelectSelectorMode.DROPDOWN
        )
    )


class ScopeFlow(ConfigSubentryFlow, ABC):
    """Base of the flows that add or change a subentry with a scope.

    ``_data`` is the data of the subentry so far. ``_labels`` maps the names in the ledger, as a
    user types them, to their labels.
    """

    _data: dict[str, Any]
    _labels: dict[str, str]

    async def _async_look(self, data: Mapping[str, Any]) -> SubentryFlowResult | None:
        """Load the names for the kind of scope in ``data``; a result aborts the flow."""
        entry: LlmAnalyticsConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        self._data, self._labels = dict(data), {}
        if data[CONF_SCOPE] == EVERYTHING:
            return None
        scope = By(data[CONF_SCOPE])
        for key, name in (await entry.runtime_data.analytics.reports.seen(scope)).items():
            typed = _typed(scope, key)
            self._labels[typed] = typed if name in {None, typed} else f"{name} ({typed})"
        return None

    def _name_fields(self) -> dict[vol.Marker, Any]:
        """Return the form fields for the scope and the title of the subentry."""
        fields: dict[vol.Marker, Any] = {vol.Optional(CONF_NAME): TextSelector()}
        if self._data[CONF_SCOPE] == EVERYTHING:
            return fields
        options = [
            SelectOptionDict(value=typed, label=label)
            for typed, label in sorted(self._labels.items(), key=lambda one: one[1].casefold())
        ]
        selector = SelectSelector(
            SelectSelectorConfig(
                options=options, custom_value=True, mode=SelectSelectorMode.DROPDOWN
            )
        )
        return {vol.Required(CONF_SCOPE_NAME): selector} | fields

    def _suggested(self, title: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the current values of the fields of ``_name_fields``."""
        given = dict(data)
        if CONF_SCOPE_NAME in data:
            given[CONF_SCOPE_NAME] = _typed(By(data[CONF_SCOPE]), data[CONF_SCOPE_NAME])
        if title != self._title(data):
            given[CONF_NAME] = title
        return given

    def _check_name(self, given: dict[str, Any], errors: dict[str, str]) -> str | None:
        """Normalize the name in ``given`` as in the ledger; return the entered title, or None."""
        if CONF_SCOPE_NAME in given:
            scope = By(self._data[CONF_SCOPE])
            try:
                given[CONF_SCOPE_NAME] = SCOPES[scope](given[CONF_SCOPE_NAME].strip())
            except vol.Invalid, InvalidInputError:
                errors[CONF_SCOPE_NAME] = f"invalid_{scope}"
        return given.pop(CONF_NAME, "").strip() or None

    def _label(self, data: Mapping[str, Any]) -> str:
        """Return a short label of the scope."""
        typed = _typed(By(data[CONF_SCOPE]), data[CONF_SCOPE_NAME])
        return self._labels.get(typed, typed).removesuffix(f" ({typed})")

    @abstractmethod
    def _title(self, data: Mapping[str, Any]) -> str:
        """Return the default title of a subentry."""

    def _taken(self, unique_id: str) -> bool:
        """Return whether another subentry has the same unique ID."""
        mine = self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        return any(
            one.unique_id == unique_id and one.subentry_id != mine
            for one in self._get_entry().subentries.values()
        )

    def _async_save(self, title: str | None, unique_id: str) -> SubentryFlowResult:
        """Save the data as a new subentry, or as the one that is being reconfigured."""
        title = title or self._title(self._data)
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                title=title,
                unique_id=unique_id,
                data=self._data,
            )
        return self.async_create_entry(title=title, data=self._data, unique_id=unique_id)


def _typed(scope: By, key: str) -> str:
    """Return a name as a user types it: a device without the prefix, all else unchanged."""
    return key.partition(":")[2] or key if scope is By.DEVICE else key


def scope_id(data: Mapping[str, Any]) -> str:
    """Return the part of a unique ID that identifies the scope."""
    return f"{data[CONF_SCOPE]}:{data.get(CONF_SCOPE_NAME, '').casefold()}"
