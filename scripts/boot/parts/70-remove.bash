# Remove keeps what a node needs to go on; purge leaves nothing that opens anything.
# The proof looks for parts of keys in all files. First it has to find them.

# needle FILE prints a pattern for 12 bytes in the middle of a file, within a line.
needle() {
  local size
  size=$(stat -c %s "$1")
  od -An -v -tx1 -j "$((size / 2))" -N 1000 "$1" | tr -d '\n' |
    awk '{ for (i = 1; i <= NF - 11; i++) { p = ""; for (j = i; j < i + 12 && $j != "00" && $j != "0a"; j++) p = p "\\x" $j
           if (j == i + 12) { print p; exit } } }'
}
# text_of NAME SKIP FILE prints a pattern for a part of a key in a JSON file, after so many
# characters: all PKCS #8 of one kind begin alike.
text_of() { sed -n 's/.*"'"$1"'": *"[A-Za-z0-9+/]\{'"$2"'\}\([A-Za-z0-9+/]\{30\}\).*/\\Q\1\\E/p' "$3"; }
files_with() { timeout 120 "$here/sdbox" exec "$box" env LC_ALL=C grep -rlaP --exclude-dir=proc --exclude-dir=sys -e "$1" / 2>/dev/null || true; }
found() { [ -n "$1" ] && [ -n "$(files_with "$1")" ]; }
nowhere() { equal "$(files_with "$1")" ''; }

node=$box/var/lib/poolcert server=$box/var/lib/private/poolcert-server
in_box cat "/run/poolcert/certs/current/task/sha1-$one.pfx" >"$run/pfx"
declare -A agent_keys=(
  ["a certificate's PFX"]=$(needle "$run/pfx")
  ["its password"]=$(cat "$box/root/submit/one.pw")
  ["the node's key"]=$(text_of key 50 "$node/identity.json")
  ["the key that certificates are sealed to"]=$(text_of sealKey 4 "$node/identity.json")
  ["the sealed set"]=$(needle "$node/lastgood")
)
declare -A server_keys=(["the CA's key"]=$(sed -n '3s/.*/\\Q&\\E/p' "$server/ca.key"))
rm -rf "$box/root/submit"
for name in "${!agent_keys[@]}"; do check "before: $name can be found" found "${agent_keys[$name]}"; done
for name in "${!server_keys[@]}"; do check "before: $name can be found" found "${server_keys[$name]}"; done

check 'the agent is removed' in_box dpkg --remove poolcert-agent
check 'it does not run' refuse in_box pgrep -x poolcert-agent
check 'nor does its socket' refuse in_box systemctl is-active poolcert-agent.socket
check 'its state stays' in_box test -s /var/lib/poolcert/identity.json
check 'so it goes on when it is installed again' in_box sh -c 'dpkg -i /srv/packages/poolcert-agent_*.deb && systemctl start poolcert-agent'
check 'and a task decrypts' decrypts

# A task's folder is its user's, who may exchange what a name in it stands for.
check 'a task has certificates of its own' in_box poolcert task-env --dir /run/poolcert/tasks/7 --user alice
as_task 'mkdir -p /run/poolcert/tasks/7/certs/d; echo of alice >/run/poolcert/tasks/7/certs/d/file'
in_box ln /run/poolcert/tasks/7/certs/d/file /run/of-alice

check 'the agent is purged' in_box dpkg --purge poolcert-agent
check 'root overwrote nothing in it' in_box grep -qx 'of alice' /run/of-alice
for name in "${!agent_keys[@]}"; do check "$name is nowhere" nowhere "${agent_keys[$name]}"; done
check 'its folders are gone' refuse in_box sh -c 'ls -d /var/lib/poolcert /run/poolcert /var/log/poolcert-agent 2>/dev/null'
check 'the server is purged' in_box dpkg --purge poolcert-server
for name in "${!server_keys[@]}"; do check "$name is nowhere" nowhere "${server_keys[$name]}"; done
check 'its folders are gone' refuse in_box sh -c 'ls -d /var/lib/poolcert-server /var/lib/private/poolcert-server /var/log/private/poolcert-server 2>/dev/null'
