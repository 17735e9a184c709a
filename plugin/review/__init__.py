"""The review of candidates: store, queue, session, and what comes out of it. Its widgets live elsewhere."""
