"""What usage costs: the seed's CostCalculator."""
