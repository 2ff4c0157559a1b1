#!/bin/sh
# Asks an API from inside, as who may do everything: its administration, its metrics, its statistics.
#
#   scripts/admin.sh GET /admin/models
#   scripts/admin.sh POST /admin/models/<%= it.model %>/canary '{ "version": "2", "percent": 10 }'
#   API=<%= it.apis.at(-1) %> scripts/admin.sh GET /stats
#
# What one API is told about the models, the others read within five seconds.
set -eu
cd "$(dirname "$0")/.."
case "${2:?'scripts/admin.sh METHOD PATH [BODY]'}" in
  /admin* | /metrics*) port=8081 ;;
  *) port=8080 ;;
esac
# The key goes by standard input: words of a command can be seen by everybody on the machine.
docker compose exec -T "${API:-<%= it.apis[0] %>}" node -e "
const [method, url, body] = process.argv.slice(1);
const key = require('node:fs').readFileSync(0, 'utf8').trim();
const headers = { authorization: 'Bearer ' + key, ...(body && { 'content-type': 'application/json' }) };
fetch(url, { method, headers, body }).then(async (answer) => {
  console.log(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
});
" "$1" "http://127.0.0.1:$port$2" ${3:+"$3"} < secrets/admin_key
