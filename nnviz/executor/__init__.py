"""Where trainings run: processes of their own on this machine, several at once, never in the server."""
