"""Who may record and who may read."""

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.llm_analytics.contract.access import may_read, may_record


@pytest.mark.parametrize(
    ("options", "others"),
    [({}, {True}), ({"readers": "everybody"}, {True}), ({"readers": "administrators"}, {False})],
)
async def test_the_option_says_who_may_read(
    hass: HomeAssistant,
    hass_admin_user: MockUser,
    member: MockUser,
    hass_read_only_user: MockUser,
    options: dict[str, str],
    others: set[bool],
) -> None:
    assert may_read(hass_admin_user, options)
    assert {may_read(user, options) for user in (member, hass_read_only_user, None)} == others


async def test_all_may_record_but_those_who_may_only_read(
    hass: HomeAssistant,
    hass_admin_user: MockUser,
    member: MockUser,
    hass_read_only_user: MockUser,
) -> None:
    assert may_record(hass_admin_user)
    assert may_record(member)
    assert not may_record(hass_read_only_user)
