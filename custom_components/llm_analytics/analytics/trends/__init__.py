"""The TrendAnalyzer: how usage develops.

- ``analyzer`` is the service. Each analysis has a file: ``trend``, ``comparison``, ``patterns``
  (hours and weekdays), ``anomalies`` (the score of a day), and ``forecast``.
- ``metrics`` are what can be followed over time, ``robust_statistics`` medians and deviations.
"""
