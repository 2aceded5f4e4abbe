"""Does the line lose or repeat anything when its parts fail? `campaign` runs it and counts."""
