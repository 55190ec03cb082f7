"""The contract over HTTP.

- ``views`` has the table of routes and the one view class.
- ``recording`` reads bodies of events and answers them; ``recording_clients`` are the addresses
  of clients without a user.
- ``exports`` streams files.
- ``openapi`` describes the API from the schemas and from ``responses``, the shape of every
  answer.
"""
