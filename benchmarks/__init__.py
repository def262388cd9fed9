"""How fast the gateway is, beside a floor: `python -m benchmarks` starts everything it needs on free loopback ports.

Load generators, backend, floor and gateway are processes of their own. Rates drift with the machine, so the figure to
compare is the CPU time of the process under test per 10,000 operations, and its ratio to the floor of the same run.
"""
