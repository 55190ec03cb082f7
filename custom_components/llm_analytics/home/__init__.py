"""What is announced in the home, and what is known of it.

- ``announcer`` fires events on the bus, each once. ``issues`` has the table of repair issues.
- ``registry`` reads devices, areas, persons, and users.
- ``options`` translates options and subentries into the settings of the engine.
- ``ledger_file`` is what stays when the integration is removed.
"""
