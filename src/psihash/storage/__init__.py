"""Everything that persists: SQLAlchemy Core on SQLite, or on PostgreSQL by URL.

``database`` is the store and its transactions; ``tables`` the schema and ``migrations`` its
history. The holdings: ``intake`` and ``spool`` take a list in, ``importing``, ``merge``, ``steps``
and ``joining`` make it items, ``lookup`` reads, ``holdings`` is the port. Every other store is one
file of its own.
"""
