"""From positions to rows of core: what did each van do on a service date?

chunks    portions of vehicle-dates (how large: `portion_size`), and who reads them
points    positions straight from the lake's files, by slices (`row_pieces`); the twin is `warehouse.load.read_chunk`
tracks    tables to arrays, with `devices`, `meters` and what was `planned`
measure   arrays through the kernels: the short way for ordinary groups, `by_row` for all others, `both_ways` joins
          them; `route_labels` and `areas` name what kernels number
measured  arrays back to tables, fuel in `measured_fuel`
"""
