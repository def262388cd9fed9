"""The gateway's rules as pure functions on values: no Django, no asyncio, no input or output."""
