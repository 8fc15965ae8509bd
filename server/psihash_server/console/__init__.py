"""The console: web pages for auditors, approvers and analysts, drawn on the server."""
