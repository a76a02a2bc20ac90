"""Judge one load: its Great Expectations suite on the load's typed rows, each expectation once.

suites    read and strictly validate a suite file; derive what the contract asks for anyway
run       evaluate a suite with Great Expectations, list the rows that fail
verdict   publish, warn or refuse
"""
