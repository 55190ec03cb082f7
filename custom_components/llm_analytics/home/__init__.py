"""The connection of the engine to Home Assistant's registries, issues, event bus and files.

``options`` converts the options and subentries of the entry into settings of the engine.
``registry`` reads the names, areas and persons of devices and users. ``announcer`` fires the events
on the bus, ``issues`` has the table of repair issues, and ``ledger_file`` handles the file that
remains when the integration is removed.
"""
