"""The subentry flow for tracked usages of a device, model, provider, user or tag."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import SubentryFlowResult
import voluptuous as vol

from ..const import CONF_SCOPE, CONF_SCOPE_NAME, SUBENTRY_TRACKED
from .scope import SCOPES, ScopeFlow, choice, scope_id


class TrackedFlow(ScopeFlow):
    """Flow that adds or changes a tracked usage: first its kind of scope, then the name."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the kind of scope to track."""
        if user_input is None:
            kinds = choice(CONF_SCOPE, list(SCOPES))
            return self.async_show_form(
                step_id="user", data_schema=vol.Schema({vol.Required(CONF_SCOPE): kinds})
            )
        return await self._async_look(user_input) or await self.async_step_name()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change which one is tracked, or the title."""
        if user_input is None:
            subentry = self._get_reconfigure_subentry()
            if ended := await self._async_look(subentry.data):
                return ended
            return self._form("reconfigure", self._suggested(subentry.title, subentry.data), {})
        return self._async_checked("reconfigure", user_input)

    async def async_step_name(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the name to track."""
        if user_input is None:
            return self._form("name", {}, {})
        return self._async_checked("name", user_input)

    def _async_checked(self, step: str, user_input: dict[str, Any]) -> SubentryFlowResult:
        given, errors = dict(user_input), dict[str, str]()
        title = self._check_name(given, errors)
        if not errors:
            self._data |= given
            unique_id = f"{SUBENTRY_TRACKED}:{scope_id(self._data)}"
            if not self._taken(unique_id):
                return self._async_save(title, unique_id)
            errors[CONF_SCOPE_NAME] = "already_tracked"
        return self._form(step, user_input, errors)

    def _form(
        self, step: str, suggested: Mapping[str, Any], errors: dict[str, str]
    ) -> SubentryFlowResult:
        schema = vol.Schema(self._name_fields())
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
        )

    @override
    def _title(self, data: Mapping[str, Any]) -> str:
        return f"{self._label(data)} LLM usage"
