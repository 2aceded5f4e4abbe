"""A copy of the data directory on another disk, and back: `taking`, `restoring`, and the `manifest` between them."""
