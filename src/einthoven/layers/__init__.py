"""Blocks that several models share. A leaf: nothing of ours is imported here."""
