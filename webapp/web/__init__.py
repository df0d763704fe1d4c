"""What ring 3 shares: errors to answers, display rules, headers, logs, metrics, and transactions around billing."""
