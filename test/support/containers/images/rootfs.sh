#!/usr/bin/env bash
# Lays out the root of an image of what Debian's packages of this machine hold, and the libraries that they need: the usual
# programs, and those packages that are named. Images are made of it where no registry of images is reached.
#
#   rootfs.sh FOLDER [PACKAGE...]
set -euo pipefail
root=$1
packages=(
  base-files bash ca-certificates coreutils dash debianutils diffutils findutils grep gzip libc-bin libc6 libgcc-s1 libstdc++6
  mawk procps sed tar tzdata util-linux wget "${@:2}"
)
without='^/(usr/share/(doc|info|javascript|lintian|locale|man)|etc/init\.d|usr/bin/promtool|usr/lib/postgresql/15/lib/(bitcode|llvmjit))'

mkdir -p "$root"/{dev,etc,mnt,opt,proc,root,run,sys,tmp,usr/{bin,lib,lib64,sbin},var/{lib,log}}
for name in bin lib lib64 sbin; do ln -s "usr/$name" "$root/$name"; done
chmod 1777 "$root/tmp"

lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
# As the files lie there: these folders are links.
moved='s#^/(bin|lib|lib64|sbin)/#/usr/\1/#'
dpkg -L "${packages[@]}" | grep -vE "$without" | sed -E "$moved" | sort -u > "$lists/named"
while read -r path; do
  if [[ -L $path || -f $path ]]; then echo "$path"; fi
done < "$lists/named" > "$lists/files"
# ldd refuses scripts.
{ grep -E '/s?bin/|\.so' "$lists/files" | xargs -d '\n' ldd 2> /dev/null || true; } |
  awk '/=> \//{print $3}' | sed -E "$moved" >> "$lists/files"
# What a link leads to as well.
xargs -d '\n' realpath < "$lists/files" | sort -u - "$lists/files" | sed 's#^/##' > "$lists/all"
tar -C / -cf - --no-recursion --files-from "$lists/all" | tar -C "$root" -xf -
ln -sf mawk "$root/usr/bin/awk"
ldconfig -r "$root"
