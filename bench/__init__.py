"""What is claimed about speed and size, measured on the program as a user runs it: `make bench`.

Each module measures one claim, prints one table, and runs alone as `python -m bench.<module>`. Nothing here
passes or fails: a machine that is busy or slow shows other figures.
"""
