package hook

import (
	"path"
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
}

func sameReference(a, b Certificate) bool {
	return slices.Equal(a.Visibility, b.Visibility) && a.StoreLocation == b.StoreLocation && a.StoreName == b.StoreName
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
//
// beside PATH, HOME, USER, LOGNAME and LANG.
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
			b.WriteString(cert.StoreLocation + cert.StoreName + ",")
		}
		b.WriteByte(';')
	}
	return b.String()
}

// diff returns what h has to hear, when it was told of old and next is installed.
// Lists are sorted by thumbprint and never nil.
func (h *Hook) diff(old, next []Certificate) *Change {
	c := &Change{Installed: []Certificate{}, Removed: []Certificate{}, Changed: []Certificate{}}
	had := make(map[batch.Thumbprint]Certificate, len(old))
	for _, cert := range old {
		had[cert.Thumbprint] = cert
	}
	for _, cert := range next {
		before, ok := had[cert.Thumbprint]
		delete(had, cert.Thumbprint)
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

func (h *Hook) wants(e Event) bool { return len(h.On) == 0 || slices.Contains(h.On, e) }

func (h *Hook) matches(c Certificate) bool {
	if len(h.Visibility) > 0 && !slices.ContainsFunc(h.Visibility, func(v batch.Visibility) bool { return slices.Contains(c.Visibility, v) }) {
		return false
	}
	return len(h.Certificates) == 0 || slices.ContainsFunc(h.Certificates, func(pattern string) bool {
		if thumbprint, err := batch.ParseThumbprint(pattern); err == nil {
			return thumbprint == c.Thumbprint
		}
		ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(c.CommonName))
		return ok
	})
}
