"""How usage develops: the seed's TrendAnalyzer."""
