"""Support, in the shape of Zendesk: users (customers and agents) and tickets with satisfaction ratings."""
