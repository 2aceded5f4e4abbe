"""How fast are the kernels, beside the rate at which this machine reads their columns, and beside other engines?

fleet   the days that all of them look at
"""
