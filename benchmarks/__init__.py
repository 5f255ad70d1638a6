"""Scripts that measure gvae, the rows that they leave, and the tables of the documents; see README.md."""
