#!/usr/bin/env bash
# cmsutil, of NSS.
set -euo pipefail

# A database with the CA trusted and the RSA identity; gone at the end.
open_database() {
  db=$(mktemp -d)
  trap 'rm -rf "$db"' EXIT
  certutil -N -d "sql:$db" --empty-password
  certutil -A -d "sql:$db" -n ca -t C,C,C -i "$1/ca.crt"
  pk12util -i "$1/rsa.pfx" -d "sql:$db" -w "$1/pw" >/dev/null
}

case $1 in
  version) echo "NSS $(dpkg-query -W -f '${Version}' libnss3-tools | sed 's/^2://; s/-.*//')" ;;
  seal)
    keys=$2 out=$3
    open_database "$keys"
    cmsutil -E -d "sql:$db" -r rsa -i "$keys/plain" -o "$out/rsa"
    printf 'rsa\trsa\tplain\tCMS, RSA PKCS #1 v1.5\n'
    ;;
  open)
    keys=$2 in=$3 out=$4
    open_database "$keys"
    while IFS=$'\t' read -r file key; do
      [ "$file" = rsa-compat.cms ] || { printf '%s\tRSA recipients and CBC only\n' "$file"; continue; }
      cmsutil -D -d "sql:$db" -i "$in/$file" -o "$out/$file" || echo "$file" >&2
      echo "$file"
    done <"$in/list"
    ;;
esac
