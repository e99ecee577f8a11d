"""People: who signs in, which organizations they belong to, and in which role."""
