"""Budgets, and what the household is told once."""
