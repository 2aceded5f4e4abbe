"""Ingest beside its peers and limits: who takes how many messages at what cost, and how fast do bytes become columns?

vans        what a made-up fleet says, as JSON and packed
traffic     its messages as packets, made before anything is timed
server      sends packets as a broker does, under a window of QoS 1, and costs nearly nothing
generator   publishes packets through a broker, flat out or at a rate
consumer    one consumer in a process of its own: paho, a bare scanner, our connection, our whole collector
pipelines   message to durable columns in a process of its own: naive, tuned, ours
runs        starts these and mosquitto, and reads what they used
consumers, decoders, whole, live  the sections; `sections` lists all of them
"""
