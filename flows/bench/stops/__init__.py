"""Is a point of a trace driven or parked: how often are we right, how often are others?

traces       the labelled points, their two halves
scores       how right an answer is
methods      what a method is, and how all of them are tuned alike
ours         the kernels of the line
moving_pandas, track_intel   the peers, where they are installed
recorded     what the peers gave when we measured them
comparison   all of it side by side
printed      as text
"""
