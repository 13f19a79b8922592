# Debian's Podman, rootless and as root, with a root folder instead of an image.
# Sourced by lab.bash.

# crun wants control groups of version 2 alone. None are made.
umount -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
root=$dir/member/root
mkdir -p "$root"/{usr,proc,dev,sys,tmp,etc,run/poolcert}
ln -s usr/bin usr/lib usr/lib64 "$root"
cp secret.cms "$root"
chown -R member: "$root"
echo 'member:300000:65536' | tee /etc/subuid >/etc/subgid
runtime=/run/user/$(id -u member)
install -d -m 700 -o member "$runtime"

podman=(timeout 30 podman --runtime crun --storage-driver vfs --cgroup-manager cgroupfs --events-backend file
  run --rm --cgroups disabled --network none --rootfs --volume /usr:/usr:ro --volume /run/poolcert:/run/poolcert:ro)
rootless() { as member XDG_RUNTIME_DIR="$runtime" "${podman[@]}" "$@"; }
rootful() { (cd / && "${podman[@]}" "$@"); }
whoami=("$root" curl -sS --unix-socket /run/poolcert/agent.sock http://node/v1/whoami)
open=("$root" poolcert decrypt /secret.cms)
group=$(getent group poolcert-task | cut -d : -f 3)

check 'rootless Podman takes the groups away' not rootless "${open[@]}"
rootless "${open[@]}" >said 2>&1 || true
check 'and the agent says why' says "uid $(id -u member) is none of those" said
check 'with keep-groups, it opens' same "$secret" "$(rootless --group-add keep-groups "${open[@]}" 2>err)"
rootless --group-add keep-groups --user 1000 "${whoami[@]}" >said 2>&1
check 'another user in it is a subordinate number' says '"uid":300999,' said
check 'in the group of who started it' says '"rule":"group poolcert-task"' said
check 'as root, by numbers, it opens' same "$secret" "$(rootful --user 12345:12345 --group-add "$group" "${open[@]}" 2>err)"
rootful --user 54321 --group-add "$group" "${whoami[@]}" >said 2>&1
check 'a user without a group there has the group root' says '"gid":0,' said
