"""Tables of the documents from the rows in benchmarks/results; `python -m benchmarks.tables` writes them."""
