"""The contract that the REST API, the actions and the LLM API share: input, output and access.

``queries`` has everything that can be read, ``commands`` everything that can be changed; a new
endpoint or action is a row there. ``schemas`` defines their fields with ``validators``, and
``arguments`` converts the validated data. ``usage_events`` makes usage events of what clients
record, which is the place for another ingestion format. ``access`` decides who may do what.
"""
