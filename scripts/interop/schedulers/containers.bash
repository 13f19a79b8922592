# Containers by bubblewrap and unshare: the socket's folder is mounted, and the kernel
# tells the agent who calls. Sourced by lab.bash.

# container COMMAND...: its own root folder, with what it mounts of the node.
container=(bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64
  --proc /proc --dev /dev --tmpfs /tmp --ro-bind "$dir/secret.cms" /tmp/secret.cms --die-with-parent)
container() { "${container[@]}" "$@"; }
mount_folder=(--ro-bind /run/poolcert /run/poolcert)
whoami=(curl -sS --unix-socket /run/poolcert/agent.sock http://node/v1/whoami)
open=(poolcert decrypt /tmp/secret.cms)
group=$(getent group poolcert-task | cut -d : -f 3)

# In a user namespace of its own, whatever it calls itself, it is who started it.
rootless() { as member "${container[@]}" "${mount_folder[@]}" --unshare-all "$@"; }
check 'a rootless container opens' same "$secret" "$(rootless "${open[@]}")"
rootless --uid 0 --gid 0 "${whoami[@]}" >whoami
check 'its root is the user outside' says "\"uid\":$(id -u member)," whoami
check 'in the group, which the container does not show' says '"rule":"group poolcert-task"' whoami
check 'and may not use what is for root' says '"visibility":"starttask","allowed":false' whoami
check 'exec works in there' same "$secret" "$(rootless --setenv PASSWORD "$sealed" poolcert exec -- printenv PASSWORD)"
check 'for a stranger, it does not' not as stranger "${container[@]}" "${mount_folder[@]}" --unshare-all "${open[@]}"

# Without a user namespace, as most services run containers: numbers count.
numbered() { setpriv --reuid 12345 --regid 12345 --groups "$1" "${container[@]}" "${mount_folder[@]}" "${open[@]}"; }
check 'a user without name, with the number of the group' same "$secret" "$(numbered "$group")"
check 'and without it' not numbered 12345
container "${mount_folder[@]}" --unshare-pid "${whoami[@]}" >whoami
check 'root in there is root of the node' says '"visibility":"starttask","allowed":true,"rule":"root"' whoami

# A user namespace of many users, as with userns-remap, or hostUsers: false.
unshare --user sleep infinity &
holder=$!
until_true sh -c "[ \$(readlink /proc/$holder/ns/user) != \$(readlink /proc/self/ns/user) ]"
echo '0 300000 65536' | tee "/proc/$holder/uid_map" >"/proc/$holder/gid_map"
mapped() { nsenter --user --target $holder --setuid 0 --setgid 0 "$@"; }
mapped "${whoami[@]}" >whoami
check 'its root is a number on the node' says '"uid":300000,' whoami
check 'and is refused' not mapped poolcert decrypt "$dir/secret.cms"
printf '[access.task]\ngroups = ["poolcert-task"]\nuids = ["300000-365535"]\n' >>/etc/poolcert/agent.toml
kill -HUP "$agent"
mapped_opens() { mapped poolcert decrypt "$dir/secret.cms"; }
check 'unless its numbers are allowed' until_true mapped_opens
kill $holder
sed -i '/^\[access.task\]/,$d' /etc/poolcert/agent.toml

# An agent that starts anew makes a new socket.
stays() { # stays MOUNT...: a container that opens, waits, and opens again
  rm -f "$dir/member/waits" "$dir/member/go"
  as member "${container[@]}" "$@" --bind "$dir/member" /mnt --unshare-all \
    sh -c 'poolcert decrypt /tmp/secret.cms && >/mnt/waits && until [ -e /mnt/go ]; do sleep 0.05; done; poolcert decrypt /tmp/secret.cms' &
  local pid=$!
  until_true test -e "$dir/member/waits" || return
  kill "$agent"
  wait "$agent" || true
  start_agent
  touch "$dir/member/go"
  wait $pid
}
check 'a container with the folder goes on after a restart of the agent' stays "${mount_folder[@]}"
stays --ro-bind /run/poolcert/agent.sock /run/poolcert/agent.sock >said 2>&1 || true
check 'one with the socket alone does not: nobody is behind it' says 'connection refused' said
