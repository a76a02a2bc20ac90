"""From raw to source records: which objects hold people, what their fields mean, standardised and dated."""
