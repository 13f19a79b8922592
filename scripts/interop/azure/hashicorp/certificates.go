package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/certificates"
	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/pools"
)

const requestID = "9c4d50ee-2d56-4cd3-8152-34347dc9f2b0"

func now() *string { return new(time.Now().UTC().Format(http.TimeFormat)) }

func (t *suite) checkCertificates() {
	one, two, three, four := t.thumbprint("one"), t.thumbprint("two"), t.thumbprint("three"), t.thumbprint("four")
	t.check("add a pfx with all options", func() error {
		r, err := t.certificates.CertificateAdd(t.ctx, t.certificate(strings.ToUpper(one), "one.pfx", password),
			certificates.CertificateAddOperationOptions{ClientRequestId: new(requestID), ReturnClientRequestId: new(true), OcpDate: now(), Timeout: new(int64(30))})
		return first(err, answered(r.HttpResponse, 201, requestID))
	})
	t.check("add a pfx without a password", func() error { return t.add(t.certificate(two, "two.pfx", "")) })
	t.check("add without a format", func() error {
		p := t.certificate(three, "three.pfx", password)
		p.CertificateFormat = nil
		return t.add(p)
	})
	t.check("add a cer", func() error { return t.add(t.certificate(four, "four.cer", "")) })
	t.check("get", func() error {
		r, err := t.certificates.CertificateGet(t.ctx, t.id(one), certificates.CertificateGetOperationOptions{})
		if err != nil {
			return err
		}
		when, err := r.Model.GetStateTransitionTimeAsTime()
		if err != nil || time.Since(*when).Abs() > time.Minute {
			return fmt.Errorf("time of state: %v, %v", when, err)
		}
		return first(want("thumbprint", *r.Model.Thumbprint, one), want("state", *r.Model.State, "active"),
			want("public data", *r.Model.PublicData, base64.StdEncoding.EncodeToString(t.data("one.cer"))))
	})
	t.check("get with all options", func() error {
		r, err := t.certificates.CertificateGet(t.ctx, t.id(strings.ToUpper(one)), certificates.CertificateGetOperationOptions{
			ClientRequestId: new(requestID), ReturnClientRequestId: new(true), OcpDate: now(), Timeout: new(int64(30)), Select: new("thumbprint,state")})
		return first(err, answered(r.HttpResponse, 200, requestID), want("selected only", r.Model.PublicData == nil, true))
	})
	for filter, count := range map[string]int{
		"": 4 + t.Seeded, "state eq 'active'": 4 + t.Seeded, "state ne 'active'": 0,
		"stateTransitionTime lt DateTime'2001-01-01T00:00:00Z'": 0,
	} {
		for _, size := range []int64{1000, 900} {
			t.check(fmt.Sprintf("list with $filter=%s in pages of %d", filter, size), func() error {
				o := certificates.CertificateListOperationOptions{Maxresults: &size, Select: new("thumbprint,state"), ClientRequestId: new(requestID), ReturnClientRequestId: new(true)}
				if filter != "" {
					o.Filter = &filter
				}
				r, err := t.certificates.CertificateListComplete(t.ctx, o)
				seen := make(map[string]bool)
				for _, c := range r.Items {
					seen[*c.Thumbprint] = true
				}
				return first(err, want("certificates", len(r.Items), count), want("different ones", len(seen), count))
			})
		}
	}
}

func (t *suite) checkDeletion() {
	id := t.id(t.thumbprint("two"))
	state := func() (*certificates.Certificate, int, error) {
		r, err := t.certificates.CertificateGet(t.ctx, id, certificates.CertificateGetOperationOptions{})
		if r.HttpResponse == nil {
			return nil, 0, err
		}
		return r.Model, r.HttpResponse.StatusCode, nil
	}
	t.check("delete what a pool holds", func() error {
		refs := []pools.CertificateReference{{Thumbprint: id.ThumbprintName, ThumbprintAlgorithm: "sha1"}}
		_, err := t.pools.PoolAdd(t.ctx, pools.PoolAddParameter{Id: "holder", VMSize: "x", CertificateReferences: &refs}, pools.PoolAddOperationOptions{})
		r, deleteErr := t.certificates.CertificateDelete(t.ctx, id, certificates.CertificateDeleteOperationOptions{ClientRequestId: new(requestID), ReturnClientRequestId: new(true), OcpDate: now(), Timeout: new(int64(30))})
		return first(err, deleteErr, answered(r.HttpResponse, 202, requestID))
	})
	_, err := t.certificates.CertificateDelete(t.ctx, id, certificates.CertificateDeleteOperationOptions{})
	t.refused(409, "CertificateBeingDeleted", "delete while deleting", err)
	_, err = t.certificates.CertificateCancelDeletion(t.ctx, id, certificates.CertificateCancelDeletionOperationOptions{})
	t.refused(409, "CertificateBeingDeleted", "cancel while deleting", err)
	t.check("the deletion fails", func() error {
		var c *certificates.Certificate
		err := eventually(func() (ok bool, err error) {
			c, _, err = state()
			return c != nil && *c.State == "deletefailed", err
		})
		if err != nil || c.DeleteCertificateError == nil || len(*c.DeleteCertificateError.Values) != 1 {
			return fmt.Errorf("error %v, certificate %+v", err, c)
		}
		value := (*c.DeleteCertificateError.Values)[0]
		return first(want("code", *c.DeleteCertificateError.Code, "PoolsReferencingCertificate"), want("holder", *value.Name+" "+*value.Value, "Pools holder"))
	})
	t.check("cancel", func() error {
		r, err := t.certificates.CertificateCancelDeletion(t.ctx, id, certificates.CertificateCancelDeletionOperationOptions{ClientRequestId: new(requestID), ReturnClientRequestId: new(true), OcpDate: now(), Timeout: new(int64(30))})
		c, _, getErr := state()
		return first(err, answered(r.HttpResponse, 204, requestID), getErr, want("states", fmt.Sprint(*c.State, " ", *c.PreviousState), "active deletefailed"))
	})
	t.check("delete to the end, after the pool is gone", func() error {
		_, err := t.certificates.CertificateDelete(t.ctx, id, certificates.CertificateDeleteOperationOptions{})
		r, poolErr := t.pools.PoolDelete(t.ctx, t.pool("holder"), pools.PoolDeleteOperationOptions{ClientRequestId: new(requestID), ReturnClientRequestId: new(true), IfMatch: new("*")})
		return first(err, poolErr, answered(r.HttpResponse, 202, requestID), eventually(func() (bool, error) {
			_, status, err := state()
			return status == 404, err
		}))
	})
}

func eventually(look func() (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		if ok, err := look(); err != nil || ok {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within 20 s")
		}
	}
}
