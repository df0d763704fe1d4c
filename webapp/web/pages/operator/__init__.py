"""The pages of the operator's console: what each shows."""
