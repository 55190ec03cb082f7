"""The forms of subentries.

- ``recording_client``, ``budget``, and ``tracked_usage`` have a form each.
- ``scope`` is what the last two share: choosing a device, model, provider, user, or tag.
"""
