"""Makes the folder importable in tests; Home Assistant does not need it."""
