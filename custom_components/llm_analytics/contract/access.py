"""Permissions: which users may record usage and which may read the ledger."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.auth.models import User

from ..const import CONF_READERS


class Readers(StrEnum):
    """The options for who may read the ledger."""

    EVERYBODY = "everybody"
    ADMINISTRATORS = "administrators"


def may_record(user: User) -> bool:
    """Return whether a user may record usage, as all users except read-only ones may."""
    return user.is_admin or {group.id for group in user.groups} != {GROUP_ID_READ_ONLY}


def may_read(user: User | None, options: Mapping[str, Any]) -> bool:
    """Return whether the options let a user (None if unknown) read the ledger."""
    is_admin = user is not None and user.is_admin
    return is_admin or options.get(CONF_READERS) != Readers.ADMINISTRATORS
