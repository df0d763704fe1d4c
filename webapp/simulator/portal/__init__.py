"""The customer portal of the simulated Stripe: how it is configured, its sessions, and the pages a customer sees."""
