"""Every SQL statement of the engine, by purpose; models in, models out."""
