-- A tenant's copy without a lake: views that read it were made to know their columns, and say now that it is not there.

drop view lake.positions;
drop view lake.position_sources;
drop view lake.events;
drop view lake.purchases;
drop view lake.plans;
drop view lake.rejects;
drop view staging.dated_rejects;
