"""Usage in and single events out: the seed's TokenTracker."""
