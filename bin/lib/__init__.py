"""What stands behind bin/demo, bin/test and bin/manage.

`start`, `venv`, `tools`, `golang` and `debian` run before the project's environment
exists: they import the standard library only.
"""
