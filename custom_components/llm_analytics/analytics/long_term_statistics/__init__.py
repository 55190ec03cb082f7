"""Hours for a database that keeps them for good, such as the recorder of Home Assistant.

- ``hours`` has the values of an hour: add a statistic there. ``changes`` reads what has changed.
- ``mirror`` is the service that hands changes out, page by page, until they are confirmed.
"""
