# What documents say about packages, as it stands there: each in a fresh system, by
# TestPackages in internal/doctest.

# documented NAME types the document NAME.
documented() {
  local layer=$run/documented other=$run/documented/box status=0
  mkdir -p "$layer/upper" "$layer/work" "$other"
  mount -t overlay overlay -o "lowerdir=$base,upperdir=$layer/upper,workdir=$layer/work" "$other"
  mkdir -p "$other/srv/packages"
  cp "$debs"/*.deb "$other/srv/packages/"
  "$here/sdbox" boot "$other" || return 1
  "$here/sdbox" exec "$other" sh -c 'hostname node1; echo 127.0.0.1 localhost batch.example.org node1 >/etc/hosts
    useradd --create-home --shell /bin/bash alice'
  (cd "$here/../.." && POOLCERT_BOX=$other POOLCERT_DOCUMENT=$1 go test -vet=off ./internal/doctest -run '^TestPackages$' -count=1 -v) >"$layer/output" 2>&1 || status=1
  # Also a test that was not found would end well.
  grep -q '^--- PASS: TestPackages' "$layer/output" || { status=1; grep -B 3 -A 12 'The document says\|ended the shell\|failed with' "$layer/output" || tail -n 20 "$layer/output"; }
  "$here/sdbox" kill "$other"
  umount -l "$other"
  rm -rf --one-file-system "$layer"
  return "$status"
}

check 'docs/quickstart.md with packages' documented docs/quickstart.md
check 'docs/release.md: installing, and removing' documented docs/release.md
check 'docs/systemd.md: a node and a server' documented docs/systemd.md
