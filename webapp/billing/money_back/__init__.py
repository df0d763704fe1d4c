"""Money that comes back: refunds and disputes of purchases, from what Stripe says now to credits taken or given back.

Events are hints. `asking` reads all refunds and disputes of a payment, `settling` brings the purchase, its rows here
and its lot in the ledger to them. Told in any order, as often as one likes, the end is the same.
"""
