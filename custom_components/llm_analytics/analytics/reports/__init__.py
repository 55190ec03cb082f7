"""Sums as people read them: the seed's UsageReporter."""
