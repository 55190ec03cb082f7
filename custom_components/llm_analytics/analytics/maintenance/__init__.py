"""Care of the ledger: clean-up, corrections, integrity and backup."""
