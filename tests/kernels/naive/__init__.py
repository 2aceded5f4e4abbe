"""Slow, obvious twins of the kernels: plain lists, plain `if`, one group at a time, no shared trick."""
