# The plug of a machine with a real disk is pulled while the agent changes its set all the
# time. What it had promised has to be on the disk.
machine=$roots/machine-1
(
  flock 9
  [ ! -e "$machine" ] || exit 0
  rm -rf --one-file-system "$machine.new"
  "$here/qbox" create "$machine.new"
  mv "$machine.new" "$machine"
) 9>"$roots/lock"

lab=$run/lab
mkdir -p "$lab/few" "$lab/many"
dpkg-deb --fsys-tarfile "$debs"/poolcert-agent_*.deb | tar -xO ./usr/bin/poolcert-agent >"$lab/poolcert-agent"
for name in a b c; do
  openssl req -x509 -newkey rsa:2048 -noenc -days 365 -subj "/CN=$name" -keyout "$run/key" -out "$run/crt" 2>/dev/null
  openssl pkcs12 -export -in "$run/crt" -inkey "$run/key" -passout "pass:of $name" -out "$lab/many/$name.pfx"
  printf '[[certificate]]\nfile = "%s.pfx"\npassword = "of %s"\nvisibility = ["task"]\n' "$name" "$name" >>"$lab/many/references.toml"
done
cp "$lab/many/a.pfx" "$lab/few/"
head -n 4 "$lab/many/references.toml" >"$lab/few/references.toml"
ln -s few "$lab/wanted"
cat >"$lab/agent.toml" <<'TXT'
state_dir = "/lab/state"
certificates_dir = "/lab/certs"
source = "directory"
[directory]
path = "/lab/wanted"
[owners.task]
group = "root"
TXT
cat >"$lab/init" <<'TXT'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp # it takes the log
cd /lab
./poolcert-agent --config /lab/agent.toml run >/tmp/log 2>&1 &
until [ -e certs/current ]; do sleep 0.05; done
(
  n=0
  while :; do
    for set in many few; do
      ln -s $set wanted.new && mv -T wanted.new wanted && ./poolcert-agent --config /lab/agent.toml refresh >/dev/null 2>&1 && n=$((n + 1))
      echo $n >/tmp/changes
    done
  done
) &
until [ "$(cat /tmp/changes)" -ge 2 ]; do sleep 0.05; done 2>/dev/null
sleep AFTER
read n </tmp/changes
echo "CUT after $n changes"
sleep 1000
TXT
chmod 755 "$lab/poolcert-agent" "$lab/init"
chmod -R go= "$lab/few" "$lab/many" "$lab/agent.toml"

disk=$run/disk
cut_after() {
  sed "s/AFTER/$1/" "$lab/init" >"$run/init"
  rm -rf "$run/lab-now"
  cp -a "$lab" "$run/lab-now"
  install -m 755 "$run/init" "$run/lab-now/init"
  "$here/qbox" cut "$machine" "$disk" "$run/lab-now"
  echo "# $(grep -ao 'after .* changes' "$disk.console")" >&3
}
# whole_set DIR tells whether a set of certificates is one of the two, and whole.
whole_set() {
  local found f
  found=$(cd "$1/current/task" && ls ./*.pfx | wc -l)
  [ "$found" -eq 1 ] || equal "$found" 3
  for f in "$1"/current/task/*.pfx; do
    openssl pkcs12 -in "$f" -passin "file:$f.pw" -noenc -out /dev/null || { ls -l "$1/current/task"; return 1; }
  done
}
no_empty() { equal "$(find "$@" -type f -empty ! -name '*lock*')" ''; }
# begins_again runs the agent on what is left, without its source and the installed set.
begins_again() {
  local root=$disk.mount agent
  rm -rf "$root/lab/certs" "$root/lab/wanted"
  mount -t proc proc "$root/proc"
  chroot "$root" /lab/poolcert-agent --config /lab/agent.toml run >"$run/again.log" 2>&1 &
  agent=$!
  within 20 test -e "$root/lab/certs/current/task" || cat "$run/again.log"
  kill "$agent"
  wait "$agent" || true
  umount "$root/proc"
  whole_set "$root/lab/certs"
}
for after in 0.03 0.37 0.71; do
  check "the plug is pulled, $after s after the second change" cut_after "$after"
  mount -o loop "$disk" "$disk.mount"
  check 'the set on the disk is whole' whole_set "$disk.mount/lab/certs"
  check 'and no file is empty' no_empty "$disk.mount/lab/certs" "$disk.mount/lab/state"
  check 'and the agent installs from what it remembers' begins_again
  umount "$disk.mount"
done
