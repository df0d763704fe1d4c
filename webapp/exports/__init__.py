"""Exports of the history: how far each has come, and how many may run at once. Knows nothing of what they write."""
