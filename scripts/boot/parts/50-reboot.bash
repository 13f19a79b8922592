# The service is away, and the node boots; then the plug is pulled while it installs.
in_box systemctl disable --now poolcert-server 2>/dev/null
check 'the system shuts down' sdbox poweroff
check 'and boots' sdbox boot
check 'without its service, the node decrypts' decrypts
check 'with the group and mode of the files' equal "$(in_box stat -c '%a %G' "/run/poolcert/certs/current/task/sha1-$one.pfx")" '440 poolcert-task'
in_box systemctl enable --now poolcert-server 2>/dev/null

# The set changes all the time, until all processes are killed at once.
install_until_cut() {
  in_box sh -euc '
    while :; do
      poolcert pool set-certs render --cert "'"$one"',visibility=task" --cert "'"$two"',visibility=task" >/dev/null
      poolcert pool set-certs render --cert "'"$one"',visibility=task" >/dev/null
    done' >/dev/null 2>&1 &
  sleep "$1"
  sdbox kill
  wait
}
# whole: a set is one of the two that were asked for, and each file has content.
whole() {
  in_box sh -euc '
    cd /run/poolcert/certs/current/task
    [ "$(ls *.pfx)" = "sha1-'"$one"'.pfx" ] || [ "$(ls *.pfx | wc -l)" = 2 ] || { ls -l; exit 1; }
    for f in *.pfx; do openssl pkcs12 -in "$f" -passin "file:$f.pw" -noenc -out /dev/null; done
    ! find /run/poolcert/certs /var/lib/poolcert -type f -empty ! -name "*lock*" | grep .'
}
for after in 0.31 0.74 1.13; do
  install_until_cut "$after" 2>/dev/null
  check "after a power cut at $after s, the system boots" sdbox boot
  check 'a task decrypts' decrypts
  check 'and the set is whole' whole
done
check 'the server lost nothing' in_box poolcert pool list
in_box poolcert pool set-certs render --cert "$one,visibility=task" >/dev/null 2>&1
