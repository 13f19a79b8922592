//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
)

// small opens a secret of 32 bytes to standard output: whole processes.
func (b *bench) small(ctx context.Context) error {
	if err := os.WriteFile("secret", []byte("a secret of thirty-two bytes ...\n")[:32], 0o600); err != nil {
		return err
	}
	err := b.prepare(ctx, "openssl", "cms", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-in", "secret", "-out", "secret.cms", "cert.pem")
	if err != nil {
		return err
	}
	const (
		ours         = "poolcert decrypt --pfx"
		theirs       = "openssl pkcs12 \\| openssl cms -decrypt"
		throughAgent = "poolcert decrypt, through the agent"
		withKey      = "openssl cms -decrypt, key in PEM"
		childOfExec  = "poolcert exec of true"
		masked       = "poolcert exec --mask of true"
		child        = "true"
	)
	cms := []string{"openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "secret.cms", "-inkey"}
	programs := []program{
		command(ours, "poolcert", "decrypt", "--pfx", "cert.pfx", "--password-file", "pw", "secret.cms"),
		{theirs, [][]string{{"openssl", "pkcs12", "-in", "cert.pfx", "-passin", "file:pw", "-nodes"}, append(cms[:len(cms):len(cms)], "/dev/stdin")}},
		command(throughAgent, "poolcert", "decrypt", "secret.cms"),
		command(withKey, append(cms[:len(cms):len(cms)], "key.pem")...),
		command("poolcert version", "poolcert", "version"),
		command(childOfExec, "poolcert", "exec", "--env", "SECRET=@secret.cms", "--", "true"),
		command(masked, "poolcert", "exec", "--mask", "--env", "SECRET=@secret.cms", "--", "true"),
		command(child, "true"),
	}
	medians, err := takeTurns(ctx, b.repetitions(200), programs, func(string) error { return nil })
	if err != nil {
		return err
	}
	printRuns("A secret of 32 bytes", programs, medians)
	b.atLeast("a small secret with a local PFX: faster than openssl pkcs12 and openssl cms", medians[theirs], medians[ours], 2)
	b.atLeast("a small secret through the agent: faster than openssl cms", medians[withKey], medians[throughAgent], 2)
	added := (medians[childOfExec].wall - medians[child].wall).Seconds() * 1000
	b.goals = append(b.goals, goal{"poolcert exec adds to a child", fmt.Sprintf("%.1f ms", added), "at most 5 ms", added <= 5})
	return nil
}
