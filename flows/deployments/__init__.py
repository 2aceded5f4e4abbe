"""The flows and their schedules, as Prefect sees them.

A task is a stage or a service date, never a van. What is left to do is in the warehouse, so a run that dies anywhere
is finished by the next one. Retries are for what waiting cures: a full disk, a mail server that is away. Each run says
on its page, in artifacts, what it did. Only these modules import Prefect; the line runs without them.
"""

from flows.deployments.ending import end_quietly

end_quietly()  # here, because whoever runs a flow imports this first, and handlers of Prefect's come before it then
