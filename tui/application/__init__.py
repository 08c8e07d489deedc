"""The application in parts, each a base class of `app.ProcTui` with one job."""
