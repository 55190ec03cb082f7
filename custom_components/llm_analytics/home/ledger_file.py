"""The ledger file, which stays on disk when the integration is removed."""

from pathlib import Path

from homeassistant.core import HomeAssistant

from ..const import DATABASE
from .issues import LEDGER_LEFT, Issue, async_raise

_PARTS = ("", "-wal", "-shm")


def _size(path: Path) -> int | None:
    """Return the size of the files of a ledger in bytes, or None if there is none."""
    if not path.is_file():
        return None
    files = (path.with_name(path.name + part) for part in _PARTS)
    return sum(file.stat().st_size for file in files if file.is_file())


async def async_ledger_size(hass: HomeAssistant) -> str | None:
    """Return the size of the ledger in the configuration folder as text, or None."""
    size = await hass.async_add_executor_job(_size, Path(hass.config.path(DATABASE)))
    return None if size is None else f"{size / 1_000_000:.1f} MB"


async def async_delete_ledger(hass: HomeAssistant) -> None:
    """Delete the ledger file, which must not be open."""
    path = Path(hass.config.path(DATABASE))

    def delete() -> None:
        for part in _PARTS:
            path.with_name(path.name + part).unlink(missing_ok=True)

    await hass.async_add_executor_job(delete)


async def async_tell_left(hass: HomeAssistant) -> None:
    """Create an issue that offers to delete the ledger file, if there is one."""
    size = await async_ledger_size(hass)
    if size is not None:
        path = hass.config.path(DATABASE)
        async_raise(hass, Issue(LEDGER_LEFT, {"path": path, "size": size}))
