"""The mail tool: a subscriber list exported whole, and what recipients did with each mail."""
