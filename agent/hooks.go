package agent

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"poolcert/agent/hook"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/batch"
)

// hookMemory is a file as a [hook.Memory]. It stays when the node leaves its pool:
// the hooks are told then, by the next agent, that the certificates are gone.
type hookMemory struct{ state *statedir.Dir }

const maxHookMemory = 64 << 20 // bytes; a set has a few hundred for each certificate and hook

func (m hookMemory) Load() ([]byte, error) {
	data, err := m.state.Read(statedir.HooksFile, maxHookMemory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func (m hookMemory) Save(data []byte) error { return m.state.Write(statedir.HooksFile, data) }

// hookRunner returns the runner of the configured hooks; id may be nil.
func (a *Agent) hookRunner(state *statedir.Dir, id *member.Identity, record *record) *hook.Runner {
	facts := hook.Facts{CertificatesDir: filepath.Join(a.config.CertificatesDir, "current")}
	if id != nil {
		facts.Account, facts.Pool, facts.Node = id.Account, id.Pool, id.Node
	}
	return hook.New(hook.Options{
		Hooks: a.config.Hooks, Facts: facts, Memory: hookMemory{state}, Log: a.log, Changed: record.touch,
	})
}

// hookSet is what hooks are told of an outcome.
func (o *outcome) hookSet(revision string) hook.Set {
	set := hook.Set{Revision: revision}
	for thumbprint, reference := range o.installed {
		c := hook.Certificate{
			Thumbprint: thumbprint, Visibility: reference.Visibility,
			Name: reference.Name, Current: o.isCurrent(reference),
			StoreLocation: string(reference.StoreLocation), StoreName: reference.StoreName,
		}
		if h := o.held[thumbprint]; h != nil {
			leaf := h.bundle.Leaf
			c.Subject, c.CommonName, c.Expires, c.HasKey = leaf.Subject.String(), leaf.Subject.CommonName, leaf.NotAfter, h.bundle.Key != nil
		}
		set.Certificates = append(set.Certificates, c)
	}
	return set
}

// hookReports returns what the service is told of hooks.
func hookReports(results []hook.Result) []batch.NodeHook {
	var reports []batch.NodeHook
	for _, r := range results {
		s := batch.NodeHook{Name: r.Name, State: string(r.State), ExitCode: r.ExitCode, Attempts: r.Attempts, Error: clip(r.Error)}
		if r.Error != "" {
			s.Output = lastLines(r.Output)
		}
		if r.Time != nil {
			t := batch.TimeOf(*r.Time)
			s.Time = &t
		}
		reports = append(reports, s)
	}
	return reports
}

// lastLines returns the end of a text, at most as much as the service is told.
func lastLines(text string) string {
	if len(text) <= maxReported {
		return text
	}
	return "..." + strings.ToValidUTF8(text[len(text)-maxReported:], "")
}
