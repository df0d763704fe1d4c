"""Comparing our purchases with what Stripe has, and a report of what differed.

What is looked at, what counts as a difference, and the stored reports. The walk itself, with its calls to Stripe and
its transactions, is `webapp/web/reconcile`: whatever it finds goes through the functions that the webhook uses.
"""
