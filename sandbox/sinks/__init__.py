"""Where alerts go at home: an endpoint that takes Slack webhooks, and a mail server that keeps what it gets."""
