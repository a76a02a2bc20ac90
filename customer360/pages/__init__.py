"""Pages that need no other file and no network: their shell, their pieces, their charts. Pure."""
