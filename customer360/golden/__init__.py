"""The golden record from the side of people: its rules checked, values pinned, contacts reported dead, profiles read as of a day."""
