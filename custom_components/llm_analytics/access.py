"""Who may do what."""

from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.auth.models import User


def may_record(user: User) -> bool:
    """Return whether a user may add to the ledger: all but those who may only read."""
    groups = {group.id for group in user.groups}
    return user.is_admin or groups != {GROUP_ID_READ_ONLY}
