"""Do the promises hold while everything fails? `campaign` runs the whole line, breaks it at random, and checks each."""
