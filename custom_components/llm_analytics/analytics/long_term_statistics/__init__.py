"""Hours as another database keeps them."""
