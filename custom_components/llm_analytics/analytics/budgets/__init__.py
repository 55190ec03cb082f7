"""Budgets: an amount for each period, and how it is being used.

- ``budget`` has units, periods, thresholds, and the projection. ``states`` reads how budgets
  stand.
"""
