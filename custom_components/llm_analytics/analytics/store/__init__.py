"""The database file, and what all services read from it.

- ``schema`` is the shape of the file: tables, migrations, pragmas. ``database`` opens it.
- ``recording`` writes events, with ``request_ids`` (idempotency), ``dimensions`` (names to ids),
  ``aggregates`` (sums by day and quarter of an hour), and ``deferred_sums``.
- ``events`` has the columns of an event and reads single events. ``filters`` resolves filters.
- ``day_sums``, ``hour_sums``, and ``counters`` are the reads that services share.
- ``corrections``, ``rebuilding``, and ``home_currency`` change sums after the fact.
"""
