/**
 * `stigmer --help`. Written by hand, so that it is grouped by what people do and costs no parser at start; a test holds
 * it to the table of commands.
 */
export const ROOT_HELP = `Run a local stack for AI agents: one command brings it up, keeps it running and cleans up after it.

Usage: stigmer [options] <command>

The stack
  server start          Start what is missing and wait until every component is ready
  server stop           Stop every component and wait until each is gone
  server restart        Stop and start the stack, or one component
  server status         Show the state of every component
  server logs           Show the logs of all components, merged by time
  doctor                Check everything that a start needs

Agents and workflows
  apply -f FILE         Store agents and workflows from files
  agent                 list, show, delete
  workflow              list, show, delete, validate
  run                   Run an agent or a workflow and show what it does
  execution             list, show, events, cancel
  deploy                generate, up, down, status: a workflow as a service of its own

Settings and the image
  config                get, set, unset, list, path
  image                 build, pull, push, status
  completion SHELL      Print a completion script for bash, zsh or fish

Options
  --home DIR            Home of the stack; else $STIGMER_HOME, else ~/.stigmer
  --json                One JSON document on stdout, or one record a line for streams
  -q, --quiet           No progress on stderr
  --debug               Show what is done, and stacks of unexpected errors
  --no-color            No colour
  -V, --version         Print the version
  -h, --help            Show this help; every command has its own`;
