"""The queue of jobs for a GPU."""
