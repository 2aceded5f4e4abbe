"""Files of fuel-card providers, and what their codes mean.

A file is described by a mapping (`mapping.py`, those that come with Odograph in `mappings/`), read into rows
(`reading.py`) and turned into canonical `txn` documents (`lines.py`), which then take the way of every message.
What a product code means is decided here too (`products.py`), for files and for MQTT alike.
"""
