"""Pure functions on arrays of samples: one file a function. A leaf: nothing of ours is imported here."""
