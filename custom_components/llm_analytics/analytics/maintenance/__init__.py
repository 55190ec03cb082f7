"""Care of the ledger.

- ``maintainer`` is the service: retention and clean-up, rebuilding, forgetting, health, backup.
- ``clean_up`` removes old requests step by step, ``pace`` sizes the steps, ``forgetting`` removes
  a person or a device.
- ``integrity`` checks a file that was not closed cleanly, ``salvage`` reads a damaged one.
- ``health`` and ``results`` are what the service answers.
"""
