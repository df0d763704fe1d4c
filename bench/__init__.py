"""Measurements: contenders alternated in one run, ratios of medians. Never a pass or fail on absolute time."""
