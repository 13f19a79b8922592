package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"poolcert/internal/testcert"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"poolcert": main, "probe": probe})
}

// What is the same on every system: these scripts want no other programs. They find
// certificates and keys of two recipients, a and b.
func TestPortableScripts(t *testing.T) {
	a := testcert.RSA(t)
	b := testcert.RSA(t, testcert.Key("rsa2048b"), testcert.Name("b"))
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/portable",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("POOLCERT_SOCKET", env.WorkDir+"/no-agent.sock")
			for _, name := range []string{"HOME", "USERPROFILE", "AppData", "LocalAppData"} {
				env.Setenv(name, env.WorkDir)
			}
			temp := filepath.Join(env.WorkDir, "tmp")
			for _, name := range []string{"TMP", "TEMP", "TMPDIR"} {
				env.Setenv(name, temp)
			}
			files := map[string][]byte{"a.crt": a.CertPEM(), "a.key": a.KeyPEM(), "b.crt": b.CertPEM(), "b.key": b.KeyPEM(), "a.pfx": a.PFX("password of a"), "a.pw": []byte("password of a\r\n")}
			for name, data := range files {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), data, 0o600); err != nil {
					return err
				}
			}
			return os.MkdirAll(temp, 0o700)
		},
	})
}

// probe is a command for exec: it shows what it gets.
//
//	probe env NAME     the variable
//	probe cat FILE...  files, or standard input
//	probe args ARG...  the arguments, one a line
//	probe refuse FILE  fails if the file can be written to
//	probe exit CODE
//	probe hold ADDRESS NAME  tells whom it calls the variable, until that hangs up;
//	                   ends with code 3 after Ctrl-C
func probe() {
	os.Exit(func() int {
		args := os.Args[2:]
		var err error
		switch os.Args[1] {
		case "env":
			fmt.Printf("%s\n", os.Getenv(args[0]))
		case "args":
			for _, arg := range args {
				fmt.Printf("%s\n", arg)
			}
		case "cat":
			if len(args) == 0 {
				_, err = io.Copy(os.Stdout, os.Stdin)
			}
			for _, name := range args {
				data, readErr := os.ReadFile(name)
				os.Stdout.Write(data)
				err = errors.Join(err, readErr)
			}
		case "refuse":
			f, openErr := os.OpenFile(args[0], os.O_WRONLY, 0)
			if openErr == nil {
				if _, writeErr := f.WriteString("more"); writeErr == nil {
					err = errors.New("it can be written to")
				}
				f.Close()
			}
		case "hold":
			interrupted := make(chan os.Signal, 1)
			signal.Notify(interrupted, os.Interrupt)
			c, dialErr := net.Dial("tcp", args[0])
			if dialErr != nil {
				return 1
			}
			fmt.Fprintln(c, os.Getenv(args[1]))
			over := make(chan struct{})
			go func() {
				defer close(over)
				io.Copy(io.Discard, c)
			}()
			select {
			case <-interrupted:
				fmt.Fprintln(c, "interrupted")
				c.Close()
				return 3
			case <-over:
			}
		case "exit":
			code, _ := strconv.Atoi(args[0])
			return code
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}())
}
