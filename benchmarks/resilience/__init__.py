"""How the gateway behaves under attack and overload: what others notice, and what it costs in memory.

`python -m benchmarks.resilience` runs every attack against one gateway and prints one table. Each row compares with a
quiet phase of the same run, right before the attack.
"""
