"""The web shop: a PostgreSQL cluster of its own."""
