"""Do the fuel rules find what is wrong, and accuse nobody else? `campaign` simulates, refreshes and counts."""
