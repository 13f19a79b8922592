//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
)

// small opens a secret of 32 bytes: whole processes.
func (b *bench) small(ctx context.Context) error {
	if err := os.WriteFile("secret", []byte("a secret of thirty-two bytes ...\n")[:32], 0o600); err != nil {
		return err
	}
	err := b.prepare(ctx, "openssl", "cms", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-in", "secret", "-out", "secret.cms", "cert.pem")
	if err != nil {
		return err
	}
	const (
		ours, theirs           = "poolcert decrypt --pfx", "openssl pkcs12 \\| openssl cms -decrypt"
		throughAgent, withKey  = "poolcert decrypt, through the agent", "openssl cms -decrypt, key in PEM"
		nothing, childOfExec   = "poolcert version", "poolcert exec of true"
		child                  = "true"
		half                   = 2.0
		repetitions, tolerance = 200, 5.0
	)
	cms := []string{"openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "secret.cms", "-out", "out", "-inkey"}
	programs := []program{
		command(ours, "poolcert", "decrypt", "--pfx", "cert.pfx", "--password-file", "pw", "-o", "out", "secret.cms"),
		{theirs, [][]string{{"openssl", "pkcs12", "-in", "cert.pfx", "-passin", "file:pw", "-nodes"}, append(cms[:len(cms):len(cms)], "/dev/stdin")}},
		command(throughAgent, "poolcert", "decrypt", "secret.cms"),
		command(withKey, append(cms[:len(cms):len(cms)], "key.pem")...),
		command(nothing, "poolcert", "version"),
		command(childOfExec, "poolcert", "exec", "--env", "SECRET=@secret.cms", "--", "true"),
		command(child, "true"),
	}
	medians, err := takeTurns(ctx, b.repetitions(repetitions), programs, func(string) error {
		if err := os.Remove("out"); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	printRuns("A secret of 32 bytes", programs, medians)
	b.atLeast("a small secret with a local PFX: faster than openssl pkcs12 and openssl cms", times(medians[theirs], medians[ours]), half)
	b.atLeast("a small secret through the agent: faster than openssl cms", times(medians[withKey], medians[throughAgent]), half)
	added := (medians[childOfExec].wall - medians[child].wall).Seconds() * 1000
	b.goals = append(b.goals, goal{"poolcert exec adds to a child", fmt.Sprintf("%.1f ms", added), "at most 5 ms", added <= tolerance})
	return nil
}
