"""Fuel-card purchases: which van was there, and what follows from it."""
