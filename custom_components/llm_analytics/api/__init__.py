"""The HTTP interface: REST endpoints, webhooks of recording clients and the OpenAPI document.

``views`` has the table of endpoints, ``responses`` their answers and ``openapi`` the document made
of both. ``recording`` reads usage events from request bodies, ``recording_clients`` registers the
webhooks and ``exports`` writes reports as files. There are no WebSocket commands; a module for them
belongs here and uses the tables in ``contract``.
"""
