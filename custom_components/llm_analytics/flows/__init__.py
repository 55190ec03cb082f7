"""The subentry flows, one module for each type of subentry.

``budget``, ``recording_client`` and ``tracked_usage`` have the flows that ``config_flow`` lists in
``SUBENTRY_FLOWS``. ``scope`` is the base of the flows that ask for a device, model, provider, user
or tag. The options of the integration itself are in ``config_flow``.
"""
