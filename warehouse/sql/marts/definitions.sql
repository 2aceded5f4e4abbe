-- marts.definitions: what each definition of idling counts. The same ledger is read under all of them.

select * from (
    values
        ('odograph', 1, 'Idle runs of at least 120 s, counted in full.', 120, true, 'project default'),
        ('every_second', 1, 'Every second with the engine on and the vehicle standing.', 0, true, 'project default'),
        ('greenroad', 1, 'Idle runs of at least 2 min.', 120, true, 'GreenRoad, Idling Tab'),
        ('gpsgate', 1, 'Idle runs of at least 120 s.', 120, true, 'GPSGate, Trip Definition'),
        ('smartrak', 1, 'Idle time beyond the first 120 s.', 120, false, 'Smartrak knowledge base'),
        ('geotab', 1, 'Idle runs of at least 200 s, counted in full.', 200, true, 'Geotab, Trip History'),
        ('geotab_altitude', 1, 'Idle time beyond the first 200 s.', 200, false, 'Geotab Altitude, Stop Definition'),
        ('digital_matter', 1, 'Idle runs of at least 300 s.', 300, true, 'Digital Matter, Idle Monitoring'),
        ('azuga', 1, 'Idle runs of at least 10 min, counted in full.', 600, true, 'Azuga, How is Idling calculated')
) as listed (definition_id, version, wording, threshold_s, counts_first, source)
