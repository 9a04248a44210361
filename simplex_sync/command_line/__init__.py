"""The program `simplex-sync`: SimpleX Chat for shells, scripts of any language, and people who want to look.

===============  ======================================================================================================
`__main__`       the program: what belongs to a process (signals, streams), then the commands
`program`        the group of all commands, with the options that stand before them
`options`        what those options say, and a started client made from it
`output`         what is written on stdout: lines and tables for people, JSON Lines with `--json`
`failures`       what went wrong as one sentence on stderr, and the exit code
`link_commands`  `address` `invite` `connect`
`list_commands`  `contacts` `groups` `members`
`send_commands`  `send` `send-file`
`read_commands`  `listen` `history` `export`
`pipe_command`   `pipe`, with `pipeline` (several commands in flight) and `unsent` (what must not be left behind)
`rehearse_command` `rehearse`, on the simulator
`install_command` `doctor_command` and `checks`
===============  ======================================================================================================

Exit codes: 0 done; 1 refused (by the CLI, or something was not found, or the CLI could not be started); 2 the command
line makes no sense; 3 not sent, delivered or answered in time; 130 interrupted by Ctrl-C; 141 nobody reads the output;
143 ended by SIGTERM.
"""
