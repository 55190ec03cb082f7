"""The CostCalculator: what requests cost.

- ``calculator`` is the service. ``ladder`` decides which source of prices answers: add a source
  of prices there. ``rates`` has the arithmetic and the rule of model names.
- Sources: ``overrides`` (the user's), ``catalogue`` (genai-prices), ``default_rates``.
- ``estimates``, ``price_list``, and ``unpriced`` answer queries about prices.
- ``repricing``, ``exchange_rates``, and ``conversion`` change what recorded requests cost.
"""
