"""The portal's settings in the environment, read and checked in one place.

`model` is the table of variables and reads them all at once; `checks` says what each may be, and
`database_url` what the address of a database may be. `names` finds variables that no program
reads. `state_folder` holds the database and the key that signs sessions, `errors` is what is
raised. `checks` and `model` load pydantic, which a command that reads no setting does without.

May be imported by every app, and by `portal.settings` and `portal.cli`.
"""
