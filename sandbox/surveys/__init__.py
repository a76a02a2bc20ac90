"""The survey tool: respondents and their answers, as files on an SFTP server."""
