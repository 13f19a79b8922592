#!/usr/bin/env bash
# gpgsm, of GnuPG.
set -euo pipefail

# A home with the CA trusted and the RSA identity imported (version 2.2 crashes at a
# PFX with an EC key); gone at the end, with its agent.
open_home() {
  export GNUPGHOME
  GNUPGHOME=$(mktemp -d)
  trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
  printf 'allow-loopback-pinentry\n' >"$GNUPGHOME/gpg-agent.conf"
  printf '%s S relax\n' "$(openssl x509 -in "$1/ca.crt" -noout -fingerprint -sha1 | cut -d= -f2)" >"$GNUPGHOME/trustlist.txt"
  gpgsm --batch --quiet --import "$1/ca.crt"
  # Version 2.2 reads no PBES2.
  openssl pkcs12 -export -inkey "$1/rsa.key" -in "$1/rsa.crt" -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 \
    -passout "file:$1/pw" -out "$GNUPGHOME/rsa.pfx"
  gpgsm --batch --quiet --pinentry-mode loopback --passphrase-fd 0 --import "$GNUPGHOME/rsa.pfx" <"$1/pw"
}
gpgsm_quiet() { gpgsm --batch --quiet --disable-crl-checks --pinentry-mode loopback --passphrase-fd 0 "$@" <"$keys/pw"; }

case $1 in
  version) gpgsm --version | sed -n '1s/ (GnuPG)//p' ;;
  seal)
    keys=$2 out=$3
    open_home "$keys"
    for cipher in AES AES192 AES256 3DES; do
      gpgsm_quiet --cipher-algo $cipher --recipient 'CN=interop rsa' --output "$out/$cipher" --encrypt "$keys/plain"
      printf '%s\trsa\tplain\tCMS, %s in CBC, RSA PKCS #1 v1.5\n' "$cipher" "$cipher"
    done
    gpgsm_quiet --armor --recipient 'CN=interop rsa' --output "$out/armour" --encrypt "$keys/plain"
    printf 'armour\trsa\tplain\tCMS, AES in CBC, RSA PKCS #1 v1.5, --armor\n'
    gpgsm_quiet --base64 --recipient 'CN=interop rsa' --output "$out/base64" --encrypt "$keys/plain"
    printf 'base64\trsa\tplain\tCMS, AES in CBC, RSA PKCS #1 v1.5, --base64\n'
    ;;
  open)
    keys=$2 in=$3 out=$4
    open_home "$keys"
    while IFS=$'\t' read -r file key; do
      case $file in
        *.jwe) printf '%s\tno JWE\n' "$file"; continue ;;
        *-default.cms) printf '%s\tno GCM\n' "$file"; continue ;;
        p*) printf '%s\tno EC key from a PFX\n' "$file"; continue ;;
      esac
      gpgsm_quiet --output "$out/$file" --decrypt "$in/$file" || echo "$file" >&2
      echo "$file"
    done <"$in/list"
    ;;
esac
