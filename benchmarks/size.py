"""File size: bytes per event of a closed ledger, with all indexes and totals."""

from collections.abc import AsyncIterator
from pathlib import Path
import tempfile

from . import peer
from .ingest import ledger
from .measures import Bench, Finding
from .workload import PER_DAY, Household, usage_event


async def size(bench: Bench) -> AsyncIterator[Finding]:
    """Compare the files for a typical household, and for one with all combinations."""
    sizes = bench.sizes
    for key, uniform in (("size", False), ("size-uniform", True)):
        bench.say(f"file of {sizes.size_days} days, {'every' if uniform else 'usual'} combination")
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
            product, yardstick = Path(folder, "product.db"), Path(folder, "peer.db")
            count = 0
            async with ledger(product) as analytics, peer.opened(yardstick) as other:
                days = Household(3, uniform=uniform).year(PER_DAY, sizes.size_days)
                for usages in days:
                    await analytics.tracker.record_many([usage_event(usage) for usage in usages])
                    await other.fill(usages)
                    count += len(usages)
                await other.aggregate()
                await other.checkpoint()
            yield Finding(key, product.stat().st_size / count, yardstick.stat().st_size / count)
