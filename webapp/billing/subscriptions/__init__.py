"""Plans that people subscribe to: the checkout, what Stripe says of a subscription, and the allowance it pays for.

Owns the mirror of Stripe's subscriptions and the periods of allowances. Stripe decides what a subscription is; whether
an allowance was given is decided here and in the ledger.
"""
