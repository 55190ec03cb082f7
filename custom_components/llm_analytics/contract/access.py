"""Who may do what."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.auth.models import User

from ..const import CONF_READERS


class Readers(StrEnum):
    """Who may read the ledger."""

    EVERYBODY = "everybody"
    ADMINISTRATORS = "administrators"


def may_record(user: User) -> bool:
    """Return whether a user may add to the ledger: all but those who may only read."""
    return user.is_admin or {group.id for group in user.groups} != {GROUP_ID_READ_ONLY}


def may_read(user: User | None, options: Mapping[str, Any]) -> bool:
    """Return whether a user (None: somebody unknown) may ask the ledger, as the options say."""
    is_admin = user is not None and user.is_admin
    return is_admin or options.get(CONF_READERS) != Readers.ADMINISTRATORS
