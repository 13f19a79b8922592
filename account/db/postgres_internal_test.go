package db

import "testing"

// TestPostgresTLS: without a word about it, a server elsewhere has to prove who it
// is.
func TestPostgresTLS(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for url, checked := range map[string]bool{
		"postgres://u@db.example.org/d":                             true,
		"postgres://u@db.example.org/d?application_name=x":          true,
		"postgres://u@192.0.2.1/d":                                  true,
		"postgres:///d?host=db1.example.org,db2.example.org&user=u": true,
		"postgres://u@db.example.org/d?sslmode=disable":             false,
		"postgres://u@localhost/d":                                  false,
		"postgres://u@127.0.0.1/d":                                  false,
		"postgres:///d?host=/run/postgresql&user=u":                 false,
		"postgres:///d?host=/run/postgresql,db2.example.org&user=u": true,
	} {
		config, err := parsePostgres(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		remote, unchecked := 0, 0
		if config.TLSConfig == nil || config.TLSConfig.InsecureSkipVerify {
			unchecked++
		} else {
			remote++
		}
		for _, f := range config.Fallbacks {
			if f.Host[0] == '/' {
				continue
			}
			if f.TLSConfig == nil || f.TLSConfig.InsecureSkipVerify {
				unchecked++
			} else {
				remote++
			}
		}
		if checked && remote == 0 || checked && unchecked > 0 && config.Host[0] != '/' {
			t.Errorf("%s: it may connect without a check", url)
		}
		if !checked && remote > 0 {
			t.Errorf("%s: it checks a certificate that it was not asked to", url)
		}
	}
}
