package agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"poolcert/batch"
)

// ref makes a reference to the certificate whose thumbprint begins with b.
func ref(b byte, visibility ...batch.Visibility) batch.CertificateReference {
	return batch.CertificateReference{Thumbprint: batch.Thumbprint{b}, Visibility: visibility}
}

func TestPlan(t *testing.T) {
	elsewhere := ref(1)
	elsewhere.StoreName = "Root"
	for _, test := range []struct {
		name                 string
		want                 []batch.CertificateReference
		held                 string // first bytes of thumbprints
		installed            []batch.CertificateReference
		fetch, install, keep []batch.CertificateReference
		remove               []batch.Thumbprint
	}{
		{name: "nothing"},
		{
			name: "new node", want: []batch.CertificateReference{ref(2), ref(1)},
			fetch: []batch.CertificateReference{ref(2), ref(1)},
		}, {
			name: "fetched", want: []batch.CertificateReference{ref(1), ref(2)}, held: "\x01",
			fetch: []batch.CertificateReference{ref(2)}, install: []batch.CertificateReference{ref(1)},
		}, {
			name: "unchanged", want: []batch.CertificateReference{ref(1)}, held: "\x01", installed: []batch.CertificateReference{ref(1)},
			keep: []batch.CertificateReference{ref(1)},
		}, {
			name: "defaults written out", want: []batch.CertificateReference{ref(1, batch.RemoteUser, batch.Task, batch.StartTask)}, held: "\x01",
			installed: []batch.CertificateReference{ref(1)},
			keep:      []batch.CertificateReference{ref(1)},
		}, {
			name: "rotated", want: []batch.CertificateReference{ref(2)}, held: "\x01", installed: []batch.CertificateReference{ref(1)},
			fetch: []batch.CertificateReference{ref(2)}, remove: []batch.Thumbprint{{1}},
		}, {
			name: "visibility changed", want: []batch.CertificateReference{ref(1, batch.Task)}, held: "\x01", installed: []batch.CertificateReference{ref(1)},
			install: []batch.CertificateReference{ref(1, batch.Task)},
		}, {
			name: "store changed", want: []batch.CertificateReference{elsewhere}, held: "\x01", installed: []batch.CertificateReference{ref(1)},
			install: []batch.CertificateReference{elsewhere},
		}, {
			name: "named twice", want: []batch.CertificateReference{ref(1, batch.Task), ref(2), ref(1, batch.StartTask)},
			fetch: []batch.CertificateReference{ref(1, batch.StartTask, batch.Task), ref(2)},
		}, {
			name: "pool emptied", held: "\x01\x02", installed: []batch.CertificateReference{ref(2), ref(1)},
			remove: []batch.Thumbprint{{1}, {2}},
		}, {
			name: "held, but not installed before", want: []batch.CertificateReference{ref(1), ref(2)}, held: "\x01\x02", installed: []batch.CertificateReference{ref(2)},
			install: []batch.CertificateReference{ref(1)}, keep: []batch.CertificateReference{ref(2)},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			installed := make(map[batch.Thumbprint]batch.CertificateReference)
			for _, r := range test.installed {
				installed[r.Thumbprint] = r.WithDefaults()
			}
			held := func(thumbprint batch.Thumbprint) bool {
				for _, b := range []byte(test.held) {
					if thumbprint == (batch.Thumbprint{b}) {
						return true
					}
				}
				return false
			}
			want := &Plan{withDefaults(test.fetch), withDefaults(test.install), withDefaults(test.keep), test.remove}
			if diff := cmp.Diff(NewPlan(test.want, held, installed), want); diff != "" {
				t.Errorf("plan (-got +want):\n%s", diff)
			}
		})
	}
}

func withDefaults(references []batch.CertificateReference) []batch.CertificateReference {
	var out []batch.CertificateReference
	for _, r := range references {
		out = append(out, r.WithDefaults())
	}
	return out
}
