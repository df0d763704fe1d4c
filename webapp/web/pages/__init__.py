"""What the pages show: one context function for each partial, shared by the partial's own address and its page.

Facts and decisions only; `web.display` writes the numbers, the templates hold the words. Imported as modules:
`from webapp.web.pages import credits, dashboard, shell`.
"""
