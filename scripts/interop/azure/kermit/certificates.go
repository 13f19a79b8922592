package main

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackofallops/kermit/sdk/batch/2022-01.15.0/batch"
)

var pairs = regexp.MustCompile(`..`)

func (t *suite) checkCertificates() {
	t.check("add a pfx, thumbprint in capitals", func() error {
		r, err := t.add(t.certificate(strings.ToUpper(t.one), "one.pfx", password))
		location := t.URL + "/certificates(ThumbprintAlgorithm=sha1,Thumbprint=" + t.one + ")"
		return all(err, answered(r.Response, 201, "Location", location, "DataServiceId", location, "client-request-id", ""))
	})
	t.check("add a pfx without a password, thumbprint with spaces, all options", func() error {
		spaced := strings.TrimSpace(pairs.ReplaceAllString(strings.ToUpper(t.two), "$0 "))
		r, err := t.certificates.Add(t.ctx, t.certificate(spaced, "two.pfx", ""), new(int32(30)), &t.id, new(true), now())
		return all(err, answered(r.Response, 201, "client-request-id", ""))
	})
	t.check("add without a format: a pfx", func() error {
		p := t.certificate(t.three, "three.pfx", password)
		p.CertificateFormat = ""
		_, err := t.add(p)
		return err
	})
	t.check("add a cer", func() error {
		_, err := t.add(t.certificate(t.four, "four.cer", ""))
		return err
	})
	t.check("get", func() error {
		c, err := t.get(t.one)
		if err != nil {
			return err
		}
		return all(
			answered(c.Response.Response, 200, "client-request-id", ""),
			want("thumbprint", *c.Thumbprint, t.one),
			want("algorithm", *c.ThumbprintAlgorithm, "sha1"),
			want("state", c.State, "active"),
			want("previous state", c.PreviousState, ""),
			want("url", *c.URL, t.URL+"/certificates(thumbprintAlgorithm=sha1,thumbprint="+t.one+")"),
			want("public data", *c.PublicData, base64.StdEncoding.EncodeToString(t.file("one.cer"))),
			wantTrue(time.Since(c.StateTransitionTime.Time).Abs() < time.Minute, "time of state: %v", c.StateTransitionTime),
		)
	})
	t.check("get with all options", func() error {
		c, err := t.certificates.Get(t.ctx, "SHA1", strings.ToUpper(t.one), "thumbprint,state", new(int32(10)), &t.id, new(true), now())
		if err != nil {
			return err
		}
		return all(
			answered(c.Response.Response, 200, "client-request-id", ""),
			want("thumbprint", *c.Thumbprint, t.one),
			wantTrue(c.PublicData == nil && c.URL == nil, "selected only: %v %v", c.PublicData, c.URL),
		)
	})
	t.check("list with all options", func() error {
		page, err := t.certificates.List(t.ctx, "state eq 'active'", "thumbprint,state", new(int32(3)), new(int32(30)), &t.id, new(true), now())
		if err != nil {
			return err
		}
		first := page.Values()
		if err := all(answered(page.Response().Response.Response, 200, "client-request-id", ""), want("certificates", len(first), 3)); err != nil {
			return err
		}
		// The client signs nothing but the link for the next page.
		if err := page.NextWithContext(t.ctx); err != nil {
			return err
		}
		return all(
			want("certificates of the next page", len(page.Values()), 3),
			wantTrue(*page.Values()[0].Thumbprint > *first[2].Thumbprint && page.Values()[0].PublicData == nil, "next page"),
		)
	})
	for filter, count := range map[string]int{
		"state ne 'active'": 0,
		"state eq 'deleting' or state eq 'deletefailed'":                           0,
		"stateTransitionTime lt DateTime'2001-01-01T00:00:00Z'":                    0,
		"(state eq 'active') and stateTransitionTime le DateTime'" + later() + "'": 4 + t.Seeded,
	} {
		t.check("list with $filter="+filter, func() error {
			got, _, err := t.listAll(filter, nil)
			return all(err, want("certificates", len(got), count))
		})
	}
	for _, size := range []*int32{nil, new(int32(1000)), new(int32(997)), new(int32(100))} {
		most := int32(1000)
		if size != nil {
			most = *size
		}
		t.check(fmt.Sprintf("list all in pages of %d", most), func() error {
			got, largest, err := t.listAll("", size)
			seen := make(map[string]bool)
			for _, c := range got {
				seen[*c.Thumbprint] = true
			}
			return all(err, want("certificates", len(got), 4+t.Seeded), want("different ones", len(seen), 4+t.Seeded),
				wantTrue(largest <= int(most), "a page has %d", largest))
		})
	}
}

// listAll walks through the pages of a list.
func (t *suite) listAll(filter string, size *int32) (got []batch.Certificate, largest int, err error) {
	page, err := t.certificates.List(t.ctx, filter, "", size, nil, nil, nil, nil)
	for ; err == nil && page.NotDone(); err = page.NextWithContext(t.ctx) {
		got = append(got, page.Values()...)
		largest = max(largest, len(page.Values()))
	}
	return got, largest, err
}

func (t *suite) checkDeletion() {
	story := &[]batch.CertificateReference{reference(t.two)}
	t.check("delete what a pool holds", func() error {
		_, err := t.addPool(batch.PoolAddParameter{ID: new("holder"), VMSize: new("tiny"), CertificateReferences: story})
		if err != nil {
			return err
		}
		r, err := t.certificates.Delete(t.ctx, "sha1", t.two, new(int32(30)), &t.id, new(true), now())
		if err := all(err, answered(r.Response, 202, "client-request-id", "")); err != nil {
			return err
		}
		c, err := t.get(t.two)
		return all(err, want("states", fmt.Sprint(c.State, " ", c.PreviousState), "deleting active"), wantTrue(c.DeleteCertificateError == nil, "no error yet"))
	})
	_, err := t.remove(t.two)
	t.refused(409, "CertificateBeingDeleted", "delete while deleting", err)
	_, err = t.cancel(t.two)
	t.refused(409, "CertificateBeingDeleted", "cancel while deleting", err)
	_, err = t.addPool(batch.PoolAddParameter{ID: new("late"), VMSize: new("tiny"), CertificateReferences: story})
	t.refused(409, "InvalidCertificateReferences", "pool add of a certificate that is being deleted", err)
	t.check("the deletion fails", func() error {
		var c batch.Certificate
		err := t.eventually("deletefailed", func() (ok bool, err error) {
			c, err = t.get(t.two)
			return c.State == "deletefailed", err
		})
		if err != nil || c.DeleteCertificateError == nil {
			return fmt.Errorf("error %v, of the deletion %v", err, c.DeleteCertificateError)
		}
		values := *c.DeleteCertificateError.Values
		return all(
			want("code", *c.DeleteCertificateError.Code, "PoolsReferencingCertificate"),
			want("values", len(values), 1),
			want("holder", *values[0].Name+" "+*values[0].Value, "Pools holder"),
		)
	})
	_, err = t.add(t.certificate(t.two, "two.pfx", ""))
	t.refused(409, "CertificateExists", "add while deletefailed", err)
	t.check("cancel", func() error {
		r, err := t.certificates.CancelDeletion(t.ctx, "sha1", t.two, new(int32(30)), &t.id, new(true), now())
		id := t.URL + "/certificates(thumbprintAlgorithm=sha1,thumbprint=" + t.two + ")/canceldelete"
		if err := all(err, answered(r.Response, 204, "DataServiceId", id, "client-request-id", "")); err != nil {
			return err
		}
		c, err := t.get(t.two)
		return all(err, want("states", fmt.Sprint(c.State, " ", c.PreviousState), "active deletefailed"), wantTrue(c.DeleteCertificateError == nil, "no error any more"))
	})
	t.check("delete again, to the end, after the pool is gone", func() error {
		_, err := t.remove(t.two)
		r, poolErr := t.deletePool("holder", "*")
		if err := all(err, poolErr, answered(r.Response, 202)); err != nil {
			return err
		}
		return t.gone(t.two)
	})
	t.check("add it again", func() error {
		_, err := t.add(t.certificate(t.two, "two.pfx", ""))
		return err
	})
}

func (t *suite) gone(thumbprint string) error {
	return t.eventually("the end of a certificate", func() (bool, error) {
		c, err := t.get(thumbprint)
		if c.Response.Response == nil {
			return false, err
		}
		return c.Response.StatusCode == 404, nil
	})
}
