"""The web collector: Segment-spec events as gzipped JSON lines in an object folder."""
