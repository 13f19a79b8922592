#!/usr/bin/env bash
# openssl: CMS for every cipher, key transport and key agreement, and RSA blocks.
set -euo pipefail

case $1 in
  version) openssl version | cut -d' ' -f1,2 ;;
  seal)
    keys=$2 out=$3 n=0
    sealed() { printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${5-}"; }
    # cms KEY DESCRIPTION OPTION...: the last options name the recipients.
    cms() {
      local key=$1 what=$2
      shift 2
      n=$((n + 1))
      openssl cms -encrypt -binary -in "$keys/plain" -out "$out/$n" "$@"
      sealed "$n" "$key" plain "CMS, $what"
    }
    rsa=(-recip "$keys/rsa.crt")
    for cipher in des3 aes-{128,192,256}-{cbc,gcm}; do
      cms rsa "$cipher, RSA PKCS #1 v1.5, DER" -"$cipher" -outform DER "${rsa[@]}"
      cms rsa "$cipher, RSA PKCS #1 v1.5, -stream" -"$cipher" -stream -outform DER "${rsa[@]}"
    done
    for form in PEM SMIME; do
      cms rsa "aes-256-cbc, RSA PKCS #1 v1.5, $form" -aes-256-cbc -outform "$form" "${rsa[@]}"
      cms rsa "aes-256-gcm, RSA PKCS #1 v1.5, $form, -stream" -aes-256-gcm -stream -outform "$form" "${rsa[@]}"
    done
    cms rsa 'aes-256-cbc, RSA PKCS #1 v1.5, -keyid' -aes-256-cbc -keyid -outform DER "${rsa[@]}"
    oaep=("${rsa[@]}" -keyopt rsa_padding_mode:oaep)
    cms rsa 'aes-256-cbc, RSAES-OAEP (SHA-1)' -aes-256-cbc -outform DER "${oaep[@]}"
    for hash in sha256 sha384 sha512; do
      cms rsa "aes-256-gcm, RSAES-OAEP ($hash)" -aes-256-gcm -outform DER "${oaep[@]}" -keyopt rsa_oaep_md:$hash
      cms rsa "aes-256-gcm, RSAES-OAEP (sha256, MGF1 with $hash)" -aes-256-gcm -outform DER "${oaep[@]}" -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:$hash
    done
    cms rsa 'aes-256-gcm, RSAES-OAEP with a label, -keyid' -aes-256-gcm -keyid -outform DER "${oaep[@]}" -keyopt rsa_oaep_label:0102030405
    for curve in p256 p384 p521; do
      ec=(-recip "$keys/$curve.crt")
      for hash in sha1 sha224 sha256 sha384 sha512; do
        cms $curve "aes-256-gcm, ECDH $curve, X9.63 KDF with $hash" -aes-256-gcm -outform DER "${ec[@]}" -keyopt ecdh_kdf_md:$hash
      done
      cms $curve "aes-256-cbc, cofactor ECDH $curve" -aes-256-cbc -outform DER "${ec[@]}" -keyopt ecdh_cofactor_mode:1
      cms $curve "aes-256-cbc, ECDH $curve, -keyid, -stream" -aes-256-cbc -keyid -stream -outform DER "${ec[@]}"
    done
    for wrap in aes128-wrap aes192-wrap aes256-wrap; do
      cms p256 "aes-128-gcm, ECDH p256, $wrap" -aes-128-gcm -$wrap -outform DER -recip "$keys/p256.crt"
    done
    others=(-secretkey 000102030405060708090a0b0c0d0e0f -secretkeyid c0ffee -pwri_password other)
    for key in rsa p384; do
      cms $key "aes-256-cbc, $key among an RSA, two EC, a key and a password recipient" -aes-256-cbc -outform DER "${others[@]}" \
        -recip "$keys/p521.crt" -recip "$keys/rsa.crt" -recip "$keys/p384.crt"
    done

    openssl smime -encrypt -binary -aes256 -in "$keys/plain" -out "$out/smime" "$keys/rsa.crt"
    sealed smime rsa plain 'PKCS #7 (openssl smime), aes-256-cbc, S/MIME'

    # block NAME DESCRIPTION ARGUMENTS OPTION...
    block() {
      local name=$1 what=$2 arguments=$3
      shift 3
      openssl pkeyutl -encrypt -certin -inkey "$keys/rsa.crt" -in "$keys/short" "$@" | openssl base64 -A >"$out/$name"
      sealed "$name" rsa short "RSA block, $what" "$arguments"
    }
    block v15 'PKCS #1 v1.5' ''
    for hash in sha1 sha256 sha384 sha512; do
      block "oaep-$hash" "OAEP ($hash)" "--form raw-rsa --padding oaep --oaep-hash $hash" \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:$hash
    done
    block label 'OAEP (sha256) with a label' '--form raw-rsa --padding oaep --oaep-hash sha256 --oaep-label 0102' \
      -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_oaep_label:0102
    ;;
  open)
    keys=$2 in=$3 out=$4
    while IFS=$'\t' read -r file key; do
      case $file in
        *.jwe) printf '%s\t%s\n' "$file" 'no JWE' ; continue ;;
        x25519*) printf '%s\t%s\n' "$file" 'no X25519'; continue ;;
      esac
      openssl cms -decrypt -binary -inform DER -in "$in/$file" -recip "$keys/$key.crt" -inkey "$keys/$key.key" -out "$out/$file" || true
      echo "$file"
    done <"$in/list"
    ;;
esac
