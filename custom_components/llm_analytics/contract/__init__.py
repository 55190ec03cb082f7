"""What can be asked and told, once for the REST API, the actions, and the voice assistant.

- ``queries`` and ``commands`` are the tables of what can be asked and what can be changed.
- ``schemas`` has the fields of each, ``validators`` the checks of single values. ``validation``
  applies them, and ``arguments`` turns the result into arguments of the engine.
- ``usage_events`` makes events from recorded bodies. ``serialization`` writes answers.
- ``access`` says who may do what.
"""
