"""Messages of a node, by either face."""
