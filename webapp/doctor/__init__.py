"""Checks of a running Refill as data: what `flask doctor` prints, and the cheap ones on the operator's overview.

A check reads and asks, and never repairs. Its sentence says what is wrong and what to do; its facts are numbers and
names, and never a secret.
"""
