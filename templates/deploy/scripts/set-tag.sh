#!/bin/sh
# Changes the tag of the API's image in .env and notes the one before, for "make rollback".
#
#   scripts/set-tag.sh NEW
#   scripts/set-tag.sh --previous
set -eu
cd "$(dirname "$0")/.."
current=$(sed -n 's/^ROBLE_TAG=//p' .env)
if [ "${1:?'Which tag?'}" = --previous ]; then
  tag=$(cat .previous-tag 2> /dev/null) || { echo 'No tag before this one is known (.previous-tag).' >&2; exit 2; }
else
  tag=$1
fi
sed "s/^ROBLE_TAG=.*/ROBLE_TAG=$tag/" .env > .env.incoming
chmod 600 .env.incoming
mv .env.incoming .env
echo "$current" > .previous-tag
echo "The tag is $tag (before: $current)"
