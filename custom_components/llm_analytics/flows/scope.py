"""Choosing what a subentry is about, from what the ledger has seen or by typing it."""

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

# What a subentry can be about, with how each is written in the ledger.
SCOPES: Final[dict[By, Callable[[str], str]]] = {
    By.DEVICE: device_key,
    By.PROVIDER: lambda text: normal_provider(Text(1, 50)(text)),
    By.MODEL: Text(1, 151),
    By.USER: Text(1, 255),
    By.TAG: Text(1, 64),
}
EVERYTHING: Final = "all"


def choice(name: str, options: list[str]) -> SelectSelector:
    """Return a selector of options whose texts are translated."""
    return SelectSelector(
        SelectSelectorConfig(
            options=options, translation_key=name, mode=SelectSelectorMode.DROPDOWN
        )
    )


class ScopeFlow(ConfigSubentryFlow, ABC):
    """Add a subentry about a device, a model and so on, or change one.

    ``_data`` is what is known so far, ``_labels`` are the names seen, as they are typed, with how
    they are shown.
    """

    _data: dict[str, Any]
    _labels: dict[str, str]

    async def _async_look(self, data: Mapping[str, Any]) -> SubentryFlowResult | None:
        """Begin with the scope in ``data``; the result ends the flow."""
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
        """Return the fields of a form that choose what the subentry is about and its title."""
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
        """Return the fields of ``_name_fields`` as they were filled in."""
        given = dict(data)
        if CONF_SCOPE_NAME in data:
            given[CONF_SCOPE_NAME] = _typed(By(data[CONF_SCOPE]), data[CONF_SCOPE_NAME])
        if title != self._title(data):
            given[CONF_NAME] = title
        return given

    def _check_name(self, given: dict[str, Any], errors: dict[str, str]) -> str | None:
        """Write the name as the ledger does; return the title that the user wants, if any."""
        if CONF_SCOPE_NAME in given:
            scope = By(self._data[CONF_SCOPE])
            try:
                given[CONF_SCOPE_NAME] = SCOPES[scope](given[CONF_SCOPE_NAME].strip())
            except vol.Invalid, InvalidInputError:
                errors[CONF_SCOPE_NAME] = f"invalid_{scope}"
        return given.pop(CONF_NAME, "").strip() or None

    def _label(self, data: Mapping[str, Any]) -> str:
        """Return the short name of what the subentry is about."""
        typed = _typed(By(data[CONF_SCOPE]), data[CONF_SCOPE_NAME])
        return self._labels.get(typed, typed).removesuffix(f" ({typed})")

    @abstractmethod
    def _title(self, data: Mapping[str, Any]) -> str:
        """Return the title that a subentry has if the user wants none."""

    def _taken(self, unique_id: str) -> bool:
        """Return whether another subentry is the same."""
        mine = self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        return any(
            one.unique_id == unique_id and one.subentry_id != mine
            for one in self._get_entry().subentries.values()
        )

    def _async_save(self, title: str | None, unique_id: str) -> SubentryFlowResult:
        """Save what is known as a new subentry, or as the one being changed."""
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
    """Return a name as it is typed: a device's address or id, anything else as it is."""
    return key.partition(":")[2] or key if scope is By.DEVICE else key


def scope_id(data: Mapping[str, Any]) -> str:
    """Return what makes two scopes the same."""
    return f"{data[CONF_SCOPE]}:{data.get(CONF_SCOPE_NAME, '').casefold()}"
