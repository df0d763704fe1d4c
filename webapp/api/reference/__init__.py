"""What the API says of itself, made of the table of routes: its OpenAPI document, and the page drawn from it."""
