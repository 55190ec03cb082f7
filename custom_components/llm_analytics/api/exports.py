"""Reports as files, in chunks of text so that memory does not grow with their size."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from homeassistant.core import HomeAssistant

from ..analytics import Analytics
from ..contract.arguments import report_arguments
from ..contract.serialization import json_text


@dataclass(frozen=True)
class ExportedFile:
    """A report with its file name, its media type and its text in chunks."""

    name: str
    content_type: str
    chunks: AsyncGenerator[str]


async def async_export_csv(analytics: Analytics, data: Mapping[str, Any]) -> ExportedFile:
    """Return the report for validated parameters as CSV."""
    arguments = report_arguments(data, analytics.ledger.zone)
    name, chunks = await analytics.exports.report_csv(**arguments, detailed=data["detailed"])
    return ExportedFile(name, "text/csv", chunks)


async def async_export_json(analytics: Analytics, data: Mapping[str, Any]) -> ExportedFile:
    """Return the report for validated parameters as JSON; ``detailed`` adds the events."""
    arguments = report_arguments(data, analytics.ledger.zone)
    name, chunks = await analytics.exports.report_json(
        **arguments, detailed=data["detailed"], write=json_text
    )
    return ExportedFile(name, "application/json", chunks)


async def async_write(hass: HomeAssistant, path: Path, chunks: AsyncGenerator[str]) -> int:
    """Write a file in chunks, replacing an existing one at the end; return its size in bytes.

    Raises OSError; an existing file is then unchanged.
    """
    part = path.with_name(f".{path.name}.part")

    def begin() -> IO[bytes]:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # left by a write that was interrupted, as by a power failure
        return part.open("xb")  # exclusive: does not follow an existing link

    def give_up() -> None:
        try:
            file.close()
        finally:  # closing fails on a full disk, because it writes the buffer
            part.unlink()

    file = await hass.async_add_executor_job(begin)
    size = 0
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                size += await hass.async_add_executor_job(file.write, chunk.encode())
        await hass.async_add_executor_job(file.close)
        await hass.async_add_executor_job(part.replace, path)
    except BaseException:
        await hass.async_add_executor_job(give_up)
        raise
    return size
