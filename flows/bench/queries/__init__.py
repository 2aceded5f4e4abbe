"""How fast are questions answered from the published copy, and how fast from the points behind it?

fleet      a fleet made up for it: the ledger of every van, and points that say the same
build      both as files: points as Parquet, the rest through our models into a published copy
questions  the thirteen questions, in `sql/ours` on the copy and in `sql/raw` on the points
campaign   the two side by side at growing sizes
printed    as text
"""
