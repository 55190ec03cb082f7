"""What may be asked and told, once for REST, actions and voice."""
