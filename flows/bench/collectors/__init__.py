"""What is lost or kept twice while collectors of a shared subscription come and go? `campaign` counts."""
