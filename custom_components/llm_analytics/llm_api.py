"""LLM API with a tool for conversation agents to answer questions about usage and cost.

The tool has its own API, which the user enables for each agent, so other agents do not pay for the
tokens of a description that they do not use. All figures are from the ledger.
"""

from typing import Any, Final, cast, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import llm
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from .analytics import AnalyticsError, Part, Stretch
from .const import DOMAIN
from .contract.access import may_read
from .contract.serialization import plain_floats
from .coordinator import LlmAnalyticsConfigEntry
from .errors import translated

API_NAME: Final = "LLM Analytics"
_PROMPT: Final = (
    "When asked how much AI or language models were used in this home or what they cost, call the"
    " tool for LLM usage and answer from its figures only. Costs are US dollars; where home_cost is"
    " given, tell that instead, in home_currency. Requests counted"
    " in unpriced_requests have no known price and are not part of the cost: say so if there are"
    " any. Compare with the period before only by the figures given."
)


class GetUsageTool(llm.Tool):
    """Tool that returns the usage and the cost of a period."""

    name = f"{DOMAIN}__get_usage"
    title = "Get LLM usage"
    description = (
        "Get requests, tokens and cost (US dollars) of this home's use of AI language models for"
        " a period, compared with the period before, optionally by model, device, room, person or"
        " user. Use this for questions like 'What did AI cost this week?' or 'Who used AI most?'."
    )
    parameters = vol.Schema(
        {
            vol.Required("period", description="The period, in the home's time zone"): vol.In(
                [stretch.value for stretch in Stretch]
            ),
            vol.Optional("by", description="Split the figures by this"): vol.In(
                [part.value for part in Part]
            ),
        }
    )
    annotations = llm.ToolAnnotations(
        read_only=True, destructive=False, idempotent=True, open_world=False
    )
    integration = DOMAIN

    def __init__(self, entry: LlmAnalyticsConfigEntry) -> None:
        """Initialize the tool for a config entry."""
        self._entry = entry

    @override
    async def async_call(
        self, hass: HomeAssistant, tool_input: llm.ToolInput, llm_context: llm.LLMContext
    ) -> llm.ToolResult:
        """Return usage and cost. Raises Unauthorized, vol.Invalid or HomeAssistantError."""
        await self._async_check(hass, llm_context)
        asked: dict[str, Any] = self.parameters(tool_input.tool_args)
        part = Part(asked["by"]) if "by" in asked else None
        try:
            brief = await self._entry.runtime_data.analytics.reports.brief(
                Stretch(asked["period"]), part
            )
        except AnalyticsError as error:
            raise translated(error) from error
        return llm.ToolResult(data=cast("JsonObjectType", plain_floats(brief.as_dict())))

    async def _async_check(self, hass: HomeAssistant, llm_context: llm.LLMContext) -> None:
        """Raise Unauthorized if the user may not read the ledger.

        A request without a user, such as by voice, has the permissions of an unknown user.
        """
        context = llm_context.context
        user_id = None if context is None else context.user_id
        user = None if user_id is None else await hass.auth.async_get_user(user_id)
        if not may_read(user, self._entry.options):
            raise Unauthorized(context=context)


class LlmAnalyticsApi(llm.API):
    """LLM API with the tools of a ledger."""

    def __init__(self, hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> None:
        """Initialize the API for a config entry."""
        super().__init__(hass=hass, id=DOMAIN, name=API_NAME)
        self._tools: list[llm.Tool] = [GetUsageTool(entry)]

    @override
    async def async_get_api_instance(self, llm_context: llm.LLMContext) -> llm.APIInstance:
        """Return an instance with the tools and their prompt."""
        return llm.APIInstance(
            api=self, api_prompt=_PROMPT, llm_context=llm_context, tools=self._tools
        )


@callback
def async_register_llm_api(hass: HomeAssistant, entry: LlmAnalyticsConfigEntry) -> CALLBACK_TYPE:
    """Register the LLM API; return a callback that unregisters it."""
    return llm.async_register_api(hass, LlmAnalyticsApi(hass, entry))
