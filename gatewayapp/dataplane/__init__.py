"""The hot path: WebSocket clients on one side, integrations and `@connections` on the other.

Start reading in `pipeline.py`, a message's way from top to bottom.
"""
