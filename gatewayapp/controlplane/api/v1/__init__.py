"""Nopal's own REST API, `/api/v1/…`: what AWS's management API cannot say. A skin over operations.

`urls` is where to start: every path, its view, and what one needs to be allowed to call it.
"""
