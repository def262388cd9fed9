"""The live connections in the dashboard: which ones a page lists, what it shows of them, and what is done to them."""
