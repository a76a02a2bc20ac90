"""Who exists: persons, households, companies. Pure, seeded, without I/O."""
