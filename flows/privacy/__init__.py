"""What `odograph privacy` does: holds, exports and erasures, and the register that says so."""
