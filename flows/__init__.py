"""The order of things: spool to lake to kernels to warehouse to report, and the command line.

    refresh    spool -> lake -> core -> marts -> checks -> published copy
    report     published copy -> e-mail
    demo       all of it, on a recorded and a simulated day

Only this package knows the three others.
"""
