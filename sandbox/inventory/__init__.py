"""The warehouses' stock: movements told on a message bus."""
