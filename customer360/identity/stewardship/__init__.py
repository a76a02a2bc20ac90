"""What people decide: the review queue, decisions bound to their evidence."""
