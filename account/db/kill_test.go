package db_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"poolcert/account/db"
)

const killedEnv = "POOLCERT_TEST_KILLED_DB"

// TestSIGKILL: what a killed process acknowledged is in the database.
func TestSIGKILL(t *testing.T) {
	if path := os.Getenv(killedEnv); path != "" {
		writeForever(t, path)
		return
	}
	path := filepath.Join(newFolder(t), "account.db")
	const rounds = 50
	total := 0
	for round := range rounds {
		acknowledged := killWriter(t, path, 1+rand.IntN(300))
		total += len(acknowledged)
		d, err := db.Open(t.Context(), path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		err = d.View(t.Context(), func(tx *db.Tx) error {
			for _, name := range acknowledged {
				if _, err := tx.Account(name); err != nil {
					t.Errorf("round %d: %s was acknowledged: %v", round, name, err)
				}
			}
			return nil
		})
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged writes in %d rounds", total, rounds)
}

// killWriter runs a writing process, kills it after so many acknowledgements, and
// returns all that it made.
func killWriter(t *testing.T, path string, after int) (acknowledged []string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSIGKILL$")
	child.Env = append(os.Environ(), killedEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() { // also what is in the pipe after the kill
		name, ok := strings.CutPrefix(lines.Text(), "ack ")
		if !ok {
			continue // cut by the kill, or the test binary's own
		}
		if name, ok = strings.CutSuffix(name, "."); !ok {
			continue
		}
		acknowledged = append(acknowledged, name)
		if len(acknowledged) == after {
			child.Process.Kill()
		}
	}
	child.Wait() // killed
	if len(acknowledged) < after {
		t.Fatalf("the writer ended by itself after %d writes", len(acknowledged))
	}
	return acknowledged
}

func writeForever(t *testing.T, path string) {
	d := open(t, path)
	var output sync.Mutex
	var all sync.WaitGroup
	for writer := range 16 {
		all.Go(func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("p%dw%dn%d", os.Getpid(), writer, n)
				err := d.Update(t.Context(), func(tx *db.Tx) error {
					return tx.AddAccount(&db.Account{Name: name, PrimaryKey: []byte{1}, SecondaryKey: []byte{2}})
				})
				if err != nil {
					t.Error(err)
					return
				}
				output.Lock()
				fmt.Printf("ack %s.\n", name)
				output.Unlock()
			}
		})
	}
	all.Wait()
}
