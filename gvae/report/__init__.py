"""What people look at: picture grids, tables, and one self-contained HTML page."""
