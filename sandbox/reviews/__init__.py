"""Reviews: a portal where customers judge what they bought. It sends what happens there as signed webhooks and keeps no API to ask."""
