"""The live explorer: open runs, move through their codes, and see at once what changes.

`renderer` knows models and no web, `panels` has one file for each view, `server` has routes only, `static` is the page.
"""
