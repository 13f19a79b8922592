package hook

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"poolcert/batch"
)

// A Certificate is what a hook is told of one. All of it is public.
type Certificate struct {
	Thumbprint batch.Thumbprint   `json:"thumbprint"`
	Subject    string             `json:"subject,omitempty"` // as in RFC 4514
	CommonName string             `json:"commonName,omitempty"`
	Expires    time.Time          `json:"expires,omitzero"`
	HasKey     bool               `json:"hasKey"`
	Visibility []batch.Visibility `json:"visibility"`

	StoreLocation string `json:"storeLocation,omitempty"`
	StoreName     string `json:"storeName,omitempty"`

	// Name is what the pool refers to, if not to the thumbprint. Current tells whether
	// it stands for this certificate, or stood when that was removed; else it is there
	// for old secrets. Paths, set in changes, are those of its files by the name, one
	// for each visibility, without the ends such as ".pem".
	Name    batch.CertificateName `json:"name,omitempty"`
	Current bool                  `json:"current,omitempty"`
	Paths   []string              `json:"paths,omitempty"`
}

func sameReference(a, b Certificate) bool {
	return a.Thumbprint == b.Thumbprint && a.Name == b.Name && a.Current == b.Current && slices.Equal(a.Visibility, b.Visibility) && a.StoreLocation == b.StoreLocation && a.StoreName == b.StoreName
}

// A Set is what is installed on the node.
type Set struct {
	Revision     string
	Certificates []Certificate // each once
}

// Facts say which node it is. They may be empty where there is no service.
type Facts struct {
	Account         string `json:"account,omitempty"`
	Pool            string `json:"pool,omitempty"`
	Node            string `json:"node,omitempty"`
	CertificatesDir string `json:"certificatesDir"` // with a folder for each visibility
}

// A Change is what one run of a hook is about. The hook reads it as JSON from its
// standard input, and in its environment as
//
//	POOLCERT_HOOK              the name
//	POOLCERT_ATTEMPT           1, or more after a failure
//	POOLCERT_REVISION          of the set that is installed
//	POOLCERT_ACCOUNT, POOLCERT_POOL, POOLCERT_NODE
//	POOLCERT_CERTIFICATES_DIR  the folder that holds a folder for each visibility
//	POOLCERT_INSTALLED         thumbprints, with spaces between; likewise
//	POOLCERT_REMOVED, POOLCERT_CHANGED
//	POOLCERT_NAMES             the names of the current ones among these
//
// beside PATH, HOME, USER, LOGNAME and LANG. On Windows, these are beside what the system
// has for the agent's account, such as Path and SystemRoot.
type Change struct {
	Hook     string `json:"hook"`
	Attempt  int    `json:"attempt"`
	Revision string `json:"revision"`
	Facts
	Installed []Certificate `json:"installed"`
	Removed   []Certificate `json:"removed"`
	Changed   []Certificate `json:"changed"`
}

func (c *Change) empty() bool { return len(c.Installed)+len(c.Removed)+len(c.Changed) == 0 }

// targets is what the change leads to: another one is a new change.
func (c *Change) targets() string {
	var b strings.Builder
	for _, list := range [][]Certificate{c.Installed, c.Removed, c.Changed} {
		for _, cert := range list {
			b.WriteString(cert.Thumbprint.String())
			for _, v := range cert.Visibility {
				b.WriteString(string(v))
			}
			fmt.Fprint(&b, cert.StoreLocation, cert.StoreName, cert.Name, cert.Current, ",")
		}
		b.WriteByte(';')
	}
	return b.String()
}

// diff returns what h has to hear, when it was told of old and next is installed.
// Lists are sorted by thumbprint and never nil.
func (h *Hook) diff(old, next []Certificate) *Change {
	c := &Change{Installed: []Certificate{}, Removed: []Certificate{}, Changed: []Certificate{}}
	had := make(map[string]Certificate, len(old))
	for _, cert := range old {
		if key := h.key(cert); key != "" {
			had[key] = cert
		}
	}
	for _, cert := range next {
		key := h.key(cert)
		if key == "" {
			continue
		}
		before, ok := had[key]
		delete(had, key)
		switch {
		case !ok && h.wants(Installed) && h.matches(cert):
			c.Installed = append(c.Installed, cert)
		case ok && !sameReference(before, cert) && h.wants(Changed) && (h.matches(cert) || h.matches(before)):
			c.Changed = append(c.Changed, cert)
		}
	}
	for _, cert := range had {
		if h.wants(Removed) && h.matches(cert) {
			c.Removed = append(c.Removed, cert)
		}
	}
	for _, list := range [][]Certificate{c.Installed, c.Removed, c.Changed} {
		slices.SortFunc(list, func(a, b Certificate) int { return slices.Compare(a.Thumbprint[:], b.Thumbprint[:]) })
	}
	return c
}

// key returns what h takes for the same thing in two sets: the certificate or, when h
// is about names, the name that stands for it. "" is nothing to h.
func (h *Hook) key(c Certificate) string {
	switch {
	case len(h.Names) == 0:
		return c.Thumbprint.String()
	case c.Current:
		return c.Name.Key()
	}
	return ""
}

// locate sets the paths by names of what is installed.
func (c *Change) locate() {
	for _, list := range [][]Certificate{c.Installed, c.Changed} {
		for i, cert := range list {
			if !cert.Current || c.CertificatesDir == "" {
				continue
			}
			list[i].Paths = nil
			for _, v := range cert.Visibility {
				list[i].Paths = append(list[i].Paths, filepath.Join(c.CertificatesDir, string(v), "names", string(cert.Name)))
			}
		}
	}
}

// names returns the names that the change is about, each once, sorted.
func (c *Change) names() string {
	var all []string
	for _, cert := range slices.Concat(c.Installed, c.Removed, c.Changed) {
		if cert.Current {
			all = append(all, string(cert.Name))
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

func (h *Hook) wants(e Event) bool { return len(h.On) == 0 || slices.Contains(h.On, e) }

func (h *Hook) matches(c Certificate) bool {
	if len(h.Visibility) > 0 && !slices.ContainsFunc(h.Visibility, func(v batch.Visibility) bool { return slices.Contains(c.Visibility, v) }) {
		return false
	}
	if len(h.Names) > 0 {
		return slices.ContainsFunc(h.Names, func(pattern string) bool {
			ok, _ := path.Match(strings.ToLower(pattern), c.Name.Key())
			return ok
		})
	}
	return len(h.Certificates) == 0 || slices.ContainsFunc(h.Certificates, func(pattern string) bool {
		if thumbprint, err := batch.ParseThumbprint(pattern); err == nil {
			return thumbprint == c.Thumbprint
		}
		ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(c.CommonName))
		return ok
	})
}
