"""The command line: one file for each group. Errors are one sentence on standard error, exit status 1."""
