"""HTML blueprints, one file each, and the webhook."""
