"""Operators: the people who run this, what they look for, and what they do to other people's accounts, written down."""
