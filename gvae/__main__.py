"""`python -m gvae` is `gvae`."""

import sys

from gvae.cli import main

sys.exit(main())
