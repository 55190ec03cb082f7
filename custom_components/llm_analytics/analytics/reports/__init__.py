"""The UsageReporter: sums as people read them.

- ``reporter`` is the service for queries, ``exporter`` for CSV and JSON files.
- ``figures`` is everything that the entities show; ``summary`` and ``dashboard`` are the
  overviews.
- ``report`` is the report of a period; ``statistics``, ``rankings``, ``devices``, ``breakdown``,
  and ``brief`` are its parts and the statistics by model, device, user, and tag.
- ``csv_format`` has the columns of CSV exports, ``export_queries`` reads them page by page.
"""
