// Package doctest tests the documents. It holds tests only.
//
// What stands in README.md and docs/*.md between "```console" and "```" is typed
// by a test, in order, with real programs, in a machine of its own: namespaces in
// which /etc, /var, /home and so on are fresh copies, and the only network is the
// loopback. Lines that begin with "$ " are typed by an ordinary user, alice, those
// that begin with "# " by root; a command goes on in the next line after "\" and
// in a here-document. Each of the two has one shell for the whole document.
//
// The other lines are the output that is expected, where there are any: "..." is
// any text, and alone on a line any number of lines. Each thumbprint, time, node id
// and temporary path is as good as any other. A command has to succeed, unless an
// error of our programs is what the document shows.
//
// What is between "```console source" and "```" is for who has built the programs, and
// typed there too. "```console packages" is for who has installed packages: scripts/boot/test
// types it, with the document's "```console", in a booted system with a real systemd.
//
// What readers need not see is in comments, and typed by root: "<!-- test: COMMAND -->",
// over as many lines as it takes. With "login" as the command, alice logs in anew.
// With "<!-- test packages: COMMAND -->", it is typed there alone.
// After "stands EXAMPLE COMMAND", what the command prints stands for the example, such
// as a thumbprint, in all commands. testdata/functions has what is done in many documents.
//
// Whatever else looks like commands is counted in rules_test.go, so that nothing
// slips: what can't run here (another system's commands, a cluster's) is marked as
// text or powershell.
package doctest
