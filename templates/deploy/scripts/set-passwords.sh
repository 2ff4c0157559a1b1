#!/bin/sh
# Gives the roles of PostgreSQL the passwords that lie in secrets/, which its container does not see before it is made anew.
#
#   scripts/set-passwords.sh
set -eu
cd "$(dirname "$0")/.."
# By standard input: words of a command can be seen by everybody on the machine.
{
  for role in app reader backup; do
    printf '%s %s %s\n' '\set' "${role}_password" "'$(cat "secrets/postgres_${role}_password")'"
  done
  grep -v '^\\set [a-z]*_password ' postgres/init.sql
} | docker compose exec -T postgres psql -q -U postgres -d roble
