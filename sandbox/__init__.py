"""Source systems to run at home: one population with known truth, and systems that each see it differently.

`sandbox.build.create` makes the population and fills the systems, `sandbox.advance.advance` lets time pass,
`sandbox.faults` breaks them on purpose, `sandbox.lifecycle` starts and stops the two processes.
Plain Python; the platform never imports it (only the `customer360 sandbox` command does).
"""
