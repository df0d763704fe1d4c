"""Spend limits: at most so many credits a day, week or month, by an account or one of its API keys.

`facts` what a limit is and what its window has counted · `windows` when a window begins and ends (pure) · `checking`
what a sheet may still spend (pure) · `counting` windows as they are stored, and counted from entries · `setting` the
writers · `queries` for pages.
"""
