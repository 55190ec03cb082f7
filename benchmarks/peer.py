"""The yardstick: the usual implementation of such a ledger, with SQLAlchemy's AsyncSession.

It uses aiosqlite, one session and one commit per event, text columns, an index for each kind of
query, WAL with ``synchronous=NORMAL``, a cache of 64 MB, and a job that updates daily totals. It
does the same work as the product: the same fields, a price for each event, and request IDs that are
stored once. Its prices come from a dictionary and its totals from one statement: where there is a
choice, it has the faster implementation.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Index,
    Numeric,
    String,
    Table,
    event,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import CreateIndex

from .workload import RECORDED_BY, Usage

_PRICES = {
    "openai": (Decimal("2.50"), Decimal("10.00")),
    "anthropic": (Decimal("3.00"), Decimal("15.00")),
    "google": (Decimal("0.10"), Decimal("0.40")),
    "mistral": (Decimal("2.00"), Decimal("6.00")),
}
_MILLION = Decimal(1_000_000)


class Base(DeclarativeBase):
    """The peer's tables."""


class UsageEvent(Base):
    """A request, with a column for every field that the product stores."""

    __tablename__ = "usage_events"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    timestamp: Mapped[datetime] = mapped_column(DateTime)
    device_ip: Mapped[str] = mapped_column(String(45))
    device_id: Mapped[str | None] = mapped_column(String(64))
    device_name: Mapped[str | None] = mapped_column(String(255))
    endpoint: Mapped[str] = mapped_column(String(100))
    provider: Mapped[str] = mapped_column(String(50))
    model: Mapped[str | None] = mapped_column(String(100))
    tokens_prompt: Mapped[int]
    tokens_response: Mapped[int]
    tokens_cache_read: Mapped[int]
    tokens_cache_write: Mapped[int]
    tokens_cache_write_1h: Mapped[int]
    tokens_reasoning: Mapped[int]
    cost_estimate: Mapped[Decimal | None] = mapped_column(Numeric(18, 12))
    cost_source: Mapped[str] = mapped_column(String(20))
    priced_as: Mapped[str | None] = mapped_column(String(200))
    latency_ms: Mapped[float | None]
    ttft_ms: Mapped[float | None]
    user_id: Mapped[str | None] = mapped_column(String(255))
    agent: Mapped[str | None] = mapped_column(String(255))
    context: Mapped[str | None] = mapped_column(String(255))
    tags: Mapped[list[str]] = mapped_column(JSON)
    service_tier: Mapped[str | None] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(10))
    error_type: Mapped[str | None] = mapped_column(String(100))
    source: Mapped[str] = mapped_column(String(20))
    recorded_by: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(255))
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", JSON)

    __table_args__ = (
        Index("usage_timestamp", "timestamp"),
        Index("usage_device_timestamp", "device_ip", "timestamp"),
        Index("usage_endpoint_timestamp", "endpoint", "timestamp"),
        Index("usage_provider_model", "provider", "model"),
        Index("usage_request", "provider", "request_id", unique=True),
    )


class DailyAggregate(Base):
    """The totals of a day."""

    __tablename__ = "daily_aggregates"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    date: Mapped[str] = mapped_column(String(10))
    device_ip: Mapped[str] = mapped_column(String(45))
    endpoint: Mapped[str] = mapped_column(String(100))
    provider: Mapped[str] = mapped_column(String(50))
    request_count: Mapped[int]
    tokens_prompt_total: Mapped[int]
    tokens_response_total: Mapped[int]
    cost_total: Mapped[Decimal | None] = mapped_column(Numeric(18, 12))

    __table_args__ = (
        Index("daily_key", "date", "device_ip", "endpoint", "provider", unique=True),
        Index("daily_device", "date", "device_ip"),
    )


def columns(usage: Usage) -> dict[str, Any]:
    """Return the columns of an event, including its cost."""
    prompt_price, response_price = _PRICES[usage["provider"]]
    cost = (
        usage["tokens_prompt"] * prompt_price + usage["tokens_response"] * response_price
    ) / _MILLION
    return {
        "timestamp": datetime.fromisoformat(usage["timestamp"])
        .astimezone(UTC)
        .replace(tzinfo=None),
        "device_ip": usage["device_ip"],
        "device_id": None,
        "device_name": usage["device_name"],
        "endpoint": usage["endpoint"],
        "provider": usage["provider"],
        "model": usage["model"],
        "tokens_prompt": usage["tokens_prompt"],
        "tokens_response": usage["tokens_response"],
        "tokens_cache_read": usage["tokens_cache_read"],
        "tokens_cache_write": 0,
        "tokens_cache_write_1h": 0,
        "tokens_reasoning": 0,
        "cost_estimate": cost,
        "cost_source": "default",
        "priced_as": f"default:{usage['provider']}/{usage['model']}",
        "latency_ms": usage["latency_ms"],
        "ttft_ms": usage["ttft_ms"],
        "user_id": usage["user_id"],
        "agent": usage["agent"],
        "context": None,
        "tags": usage["tags"],
        "service_tier": None,
        "status": usage["status"],
        "error_type": usage["error_type"],
        "source": "rest",
        "recorded_by": RECORDED_BY,
        "request_id": usage["request_id"],
        "metadata_": {},
    }


class Peer:
    """The ledger of the peer."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Initialize with an engine; use ``opened`` to get an instance."""
        self._engine = engine
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def record(self, usage: Usage) -> int:
        """Store an event and return its ID; that of a repeated request is looked up."""
        async with self._session() as session:
            row = UsageEvent(**columns(usage))
            session.add(row)
            try:
                await session.commit()
            except IntegrityError:
                await session.rollback()
                query = select(UsageEvent.id).where(
                    UsageEvent.provider == usage["provider"],
                    UsageEvent.request_id == usage["request_id"],
                )
                return (await session.execute(query)).scalar_one()
            return row.id

    async def fill(self, events: Iterable[Usage]) -> None:
        """Store many events in one transaction."""
        async with self._session.begin() as session:
            await session.execute(insert(UsageEvent), [columns(one) for one in events])

    async def multiply(self, copies: int) -> None:
        """Store every event ``copies`` times, with its own request IDs."""
        table = UsageEvent.__table__
        assert isinstance(table, Table)
        names = [column.name for column in table.columns if column.name != "id"]
        changed = {
            "timestamp": "strftime('%Y-%m-%d %H:%M:%f', timestamp, number || ' seconds') || '000'",
            "request_id": "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4'"
            " || substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2) || '-'"
            " || hex(randomblob(6)))",
        }
        values = ", ".join(changed.get(name, name) for name in names)
        async with self._engine.begin() as connection:
            for index in table.indexes:
                await connection.exec_driver_sql(f"DROP INDEX {index.name}")
            await connection.exec_driver_sql("CREATE TEMP TABLE copy (number INTEGER PRIMARY KEY)")
            for number in range(37, 37 * copies, 37):
                await connection.exec_driver_sql("INSERT INTO copy VALUES (?)", (number,))
            await connection.exec_driver_sql(
                f"INSERT INTO usage_events ({', '.join(names)})"
                f" SELECT {values} FROM (SELECT * FROM usage_events) CROSS JOIN copy"
            )
            await connection.exec_driver_sql("DROP TABLE copy")
            for index in table.indexes:
                await connection.execute(CreateIndex(index))

    async def aggregate(self) -> None:
        """Update the daily totals."""
        day = func.substr(UsageEvent.timestamp, 1, 10)
        keys = day, UsageEvent.device_ip, UsageEvent.endpoint, UsageEvent.provider
        sums = (
            select(
                *keys,
                func.count(),
                func.sum(UsageEvent.tokens_prompt),
                func.sum(UsageEvent.tokens_response),
                func.sum(UsageEvent.cost_estimate),
            )
            .group_by(*keys)
            .order_by(*keys)
        )
        names = [column.name for column in DailyAggregate.__table__.columns][1:]
        async with self._engine.begin() as connection:
            await connection.execute(text("DELETE FROM daily_aggregates"))
            await connection.execute(insert(DailyAggregate).from_select(names, sums))

    async def checkpoint(self) -> None:
        """Move everything from the WAL into the main file."""
        async with self._engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    async def dashboard(self, now: datetime) -> dict[str, Any]:
        """Return the figures of the product's dashboard, calculated from the events."""
        now = now.replace(tzinfo=None)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        week, month = today - timedelta(days=today.weekday()), today.replace(day=1)
        last_week = today - timedelta(days=6)
        tokens = func.sum(UsageEvent.tokens_prompt + UsageEvent.tokens_response)
        hour = func.strftime("%H", UsageEvent.timestamp)
        answer: dict[str, Any] = {}
        async with self._session() as session:
            for name, start in (("today", today), ("week", week), ("month", month)):
                answer[name] = (
                    await session.execute(
                        select(
                            func.count(),
                            tokens,
                            func.sum(UsageEvent.cost_estimate),
                            func.count(func.distinct(UsageEvent.device_ip)),
                        ).where(UsageEvent.timestamp >= start)
                    )
                ).all()
            for name, key, order in (
                ("top_devices", UsageEvent.device_ip, tokens),
                ("top_endpoints", UsageEvent.endpoint, func.count()),
                ("peak_hours", hour, func.count()),
            ):
                answer[name] = (
                    await session.execute(
                        select(key, func.count(), tokens, func.sum(UsageEvent.cost_estimate))
                        .where(UsageEvent.timestamp >= last_week)
                        .group_by(key)
                        .order_by(order.desc())
                        .limit(5)
                    )
                ).all()
            answer["recent"] = (
                (
                    await session.execute(
                        select(UsageEvent)
                        .order_by(UsageEvent.timestamp.desc(), UsageEvent.id.desc())
                        .limit(10)
                    )
                )
                .scalars()
                .all()
            )
        return answer


def _pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA cache_size=-64000")
    cursor.close()


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Peer]:
    """Open the peer's ledger at ``path``."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"timeout": 120})
    event.listen(engine.sync_engine, "connect", _pragmas)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield Peer(engine)
    finally:
        await engine.dispose()
