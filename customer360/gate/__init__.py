"""Judge one load: its Great Expectations suite on the load's typed rows, each expectation once, and the load against its own history.

suites      read and strictly validate a suite file; derive what the contract asks for anyway
limits      what a suite's meta says of history and references
run         evaluate a suite with Great Expectations, list the rows that fail
profile     counts and shares of a load's rows, small and without personal values
history     a load's volume, nulls, values, numbers and age against the loads before
references  rows that name a missing row of another object
verdict     publish, warn or refuse
"""
