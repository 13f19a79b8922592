#!/usr/bin/env bash
# Makes rsa.json: facts about RSA decryption, by openssl, in the manner of
# Wycheproof. Blocks that openssl would not make are put together as numbers and
# encrypted without padding. The keys are the fixed ones of internal/testcert.
#
#   decrypt/testdata/rsa.sh >decrypt/testdata/rsa.json
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
keys=../../internal/testcert/keys
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
sep='['
# fact NAME KEY PADDING HASH LABEL PLAINTEXT|fail: the block is $tmp/out
fact() {
  local plaintext="\"$6\""
  [ "$6" != fail ] || plaintext=null
  printf '%s\n {"name":"%s","key":"%s","padding":"%s","hash":"%s","label":"%s","plaintext":%s,\n  "ciphertext":"%s"}' \
    "$sep" "$1" "$2" "$3" "$4" "$5" "$plaintext" "$(hex "$tmp/out")"
  sep=','
}
encrypt() { # KEY OPTIONS...: $tmp/in to $tmp/out
  local key=$1
  shift
  openssl pkeyutl -encrypt -inkey "$keys/$key.pem" -in "$tmp/in" -out "$tmp/out" "$@"
}
bytes() { printf "$(sed 's/../\\x&/g' <<<"$1")" >"$tmp/in"; }
repeat() { printf "%0$2d" 0 | sed "s/0/$1/g"; }

for key in rsa2048a rsa3072 rsa4096; do
  size=$((${key//[!0-9]/} / 8))
  for n in 0 1 32 $((size - 11)); do
    text=$(repeat 5a "$n")
    [ "$n" -gt 0 ] || text=
    bytes "$text"
    encrypt "$key" -pkeyopt rsa_padding_mode:pkcs1
    fact "$key pkcs1v15 $n bytes" "$key" pkcs1v15 '' '' "$text"
    fact "$key pkcs1v15 $n bytes read as oaep" "$key" oaep sha1 '' fail
  done
  # Blocks that are wrong: a byte each of what RFC 8017, section 7.2.2, asks for.
  block() { # NAME HEX EXPECTED
    bytes "$2"
    encrypt "$key" -pkeyopt rsa_padding_mode:none
    fact "$key pkcs1v15 $1" "$key" pkcs1v15 '' '' "$3"
  }
  block 'fill of 8' "0002$(repeat ff 8)00$(repeat 5a $((size - 11)))" "$(repeat 5a $((size - 11)))"
  block 'fill of 7' "0002$(repeat ff 7)00$(repeat 5a $((size - 10)))" fail
  block 'no fill' "000200$(repeat 5a $((size - 3)))" fail
  block 'no separator' "0002$(repeat ff $((size - 2)))" fail
  block 'first byte 1' "0102$(repeat ff $((size - 5)))005a5a" fail
  block 'block type 1' "0001$(repeat ff $((size - 5)))005a5a" fail
  block 'block type 0' "0000$(repeat ff $((size - 5)))005a5a" fail
  block 'all zero' "$(repeat 00 "$size")" fail
  block 'one' "$(repeat 00 $((size - 1)))01" fail
  block 'empty, by separator at the end' "0002$(repeat ff $((size - 3)))00" ''
  for hash in sha1 sha256 sha384 sha512; do
    for label in '' 6c6162; do
      bytes 5a5a5a
      opts=(-pkeyopt rsa_padding_mode:oaep -pkeyopt "rsa_oaep_md:$hash")
      [ -z "$label" ] || opts+=(-pkeyopt "rsa_oaep_label:$label")
      encrypt "$key" "${opts[@]}"
      fact "$key oaep $hash label '$label'" "$key" oaep "$hash" "$label" 5a5a5a
      fact "$key oaep $hash label '$label' read with another" "$key" oaep "$hash" "${label}00" fail
      [ "$hash" = sha1 ] || fact "$key oaep $hash label '$label' read as sha1" "$key" oaep sha1 "$label" fail
      fact "$key oaep $hash label '$label' read as pkcs1v15" "$key" pkcs1v15 '' '' fail
    done
  done
  bytes ''
  encrypt "$key" -pkeyopt rsa_padding_mode:oaep
  fact "$key oaep empty" "$key" oaep sha1 '' ''
  bytes 5a5a5a
  encrypt "$key" -pkeyopt rsa_padding_mode:oaep
  cp "$tmp/out" "$tmp/good"
  head -c $((size - 1)) "$tmp/good" >"$tmp/out"
  fact "$key oaep one byte short" "$key" oaep sha1 '' fail
  { cat "$tmp/good"; printf '\0'; } >"$tmp/out"
  fact "$key oaep one byte long" "$key" oaep sha1 '' fail
  { printf '\xff'; tail -c +2 "$tmp/good"; } >"$tmp/out"
  fact "$key oaep not below the modulus" "$key" oaep sha1 '' fail
done
printf '\n]\n'
