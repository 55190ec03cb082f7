"""The TokenTracker: records requests, and lists or deletes single ones.

- ``tracker`` is the service, ``writer`` the queue with one commit for many callers.
- ``privacy`` replaces persons by pseudonyms before anything is stored.
- ``rate_limit`` is the token bucket of recording clients.
- ``listing`` reads pages of events.
"""
