// Oidc is Dex with one user, in memory, and that user's browser.
//
//	oidc serve READY            serve on a free loopback port; its issuer goes to READY
//	oidc person URL CODE        enter the code and sign in, as a person would
package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"
)

const (
	clientID = "poolcert"
	email    = "ada@example.org"
	password = "a long password"

	// The client renews a token a minute before its end.
	tokenTime = 65 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(ctx, os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "person":
		err = person(os.Args[2], os.Args[3])
	default:
		err = errors.New("usage: oidc serve READY | oidc person URL CODE")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "oidc:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, ready string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String() + "/dex"
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store := memory.New(log)
	store = storage.WithStaticClients(store, []storage.Client{{
		ID: clientID, Name: "poolcert", Public: true,
	}})
	store = storage.WithStaticPasswords(store, []storage.Password{{Email: email, Username: "ada", UserID: "1", Hash: hash}}, log)
	store = storage.WithStaticConnectors(store, []storage.Connector{{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}})
	refresh, err := server.NewRefreshTokenPolicy(log, false, "", "", "0s")
	if err != nil {
		return err
	}
	dex, err := server.NewServer(ctx, server.Config{
		Issuer: issuer, Storage: store, SkipApprovalScreen: true, IDTokensValidFor: tokenTime, RefreshTokenPolicy: refresh,
		RotateKeysAfter: 3 * time.Second, // so that the service meets a key that it does not know
		Logger:          log, PrometheusRegistry: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(ready, []byte(issuer), 0o600); err != nil {
		return err
	}
	srv := &http.Server{Handler: dex}
	context.AfterFunc(ctx, func() { srv.Close() })
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

var (
	form = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"`)
	done = regexp.MustCompile(`(?i)login successful`)
)

// person opens the page, enters the code, and signs in.
func person(page, code string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute}
	at, body, err := open(browser.Get(page))
	for step := 0; err == nil && step < 5; step++ {
		if done.MatchString(body) {
			return nil
		}
		action := form.FindStringSubmatch(body)
		if action == nil {
			break
		}
		var target *url.URL
		if target, err = at.Parse(html.UnescapeString(action[1])); err == nil {
			at, body, err = open(browser.PostForm(target.String(), url.Values{"user_code": {code}, "login": {email}, "password": {password}}))
		}
	}
	if err == nil {
		err = fmt.Errorf("no success at %s:\n%s", at, body)
	}
	return err
}

func open(resp *http.Response, err error) (*url.URL, string, error) {
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.Request.URL, string(body), err
}
