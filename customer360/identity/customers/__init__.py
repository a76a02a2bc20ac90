"""Durable ids: which cluster carries which customer id, and what that means for those there were."""
