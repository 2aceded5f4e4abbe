"""The weekly report for whoever runs a network of depots: which is high, which is low, and how sure is that?

It reads only marts that are sums (`marts.network_weeks`, `marts.fleet_days`), so it is the same from the network copy;
it knows no van, driver or place. `data` reads, `measures` says what a figure is called and when two differ beyond
chance, `words` is the subject and the verdict, `tables` and `pictures` hold the rest, `page` puts the parts in order.
"""
