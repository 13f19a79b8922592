package main

import (
	"errors"
	"net"
	"strings"

	"poolcert/account/db"
	"poolcert/internal/cli"
	"poolcert/internal/tomlfile"
)

// asService are the options by which systemd-run begins a command as our unit begins
// the service.
const asService = "-p DynamicUser=yes -p User=poolcert-server -p StateDirectory=poolcert-server -p StateDirectoryMode=0700 -p LogsDirectory=poolcert-server -p LogsDirectoryMode=0700"

// hintConfig says what to do about a value in server.toml.
func hintConfig(err error) error {
	return cli.Hint(err, "change it there; a key that is left out has its default. 'poolcert-server check' tells what is in effect")
}

// hintTOML is hintConfig for what is wrong with the form of the file.
func hintTOML(err error) error {
	var wrong *tomlfile.Error
	if !errors.As(err, &wrong) || !wrong.Unknown {
		return hintConfig(err)
	}
	if table, _, in := strings.Cut(wrong.Key, "."); in {
		return cli.Hint(err, "the server.toml that 'poolcert-server init' writes has all keys of [%s], behind #", table)
	}
	return cli.Hint(err,
		"the keys are listen, node_listen, hosts, url, node_url, tls_cert, tls_key, database, delete_window, overlap, node_ttl, log, log_format, and the tables master_key, audit, metrics, limits and oidc")
}

// hintCA says what to do when the service's CA cannot be loaded.
func hintCA(err error, dir string) error {
	return cli.Hint(err, "bring %s and %s of %s back from a backup, both from the same one: nodes and clients trust this CA and no other", caName, caKeyName, dir)
}

// hintDatabase says what to do when a database does not open for a reason that
// explain does not know.
func hintDatabase(err error, place string) error {
	if strings.Contains(place, "://") || errors.Is(err, db.ErrBusy) || errors.Is(err, db.ErrNewer) || errors.Is(err, db.ErrPlace) {
		return err
	}
	return cli.Hint(err, "is the disk full or failing? If the file is damaged, stop the server and bring it back from a backup")
}

// sameListener reports whether two addresses cannot both be listened on.
func sameListener(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && portA == portB && portA != "0" && (hostA == hostB || hostA == "" || hostB == "")
}
