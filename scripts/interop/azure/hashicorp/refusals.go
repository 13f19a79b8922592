package main

import (
	"net/http"
	"strings"
	"time"

	"azure.test/sharedkey"
	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/certificates"
	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/pools"
)

// checkRefusals causes one refusal of each kind that the client lets through; the
// other clients cause them all.
func (t *suite) checkRefusals() {
	absent := t.id(strings.Repeat("0", 40))
	one, four := t.thumbprint("one"), t.thumbprint("four")
	_, err := t.certificates.CertificateGet(t.ctx, absent, certificates.CertificateGetOperationOptions{})
	t.refused(404, "CertificateNotFound", "get", err)
	_, err = t.certificates.CertificateDelete(t.ctx, absent, certificates.CertificateDeleteOperationOptions{})
	t.refused(404, "CertificateNotFound", "delete", err)
	_, err = t.certificates.CertificateCancelDeletion(t.ctx, t.id(one), certificates.CertificateCancelDeletionOperationOptions{})
	t.refused(409, "CertificateStateActive", "cancel while active", err)
	t.refused(409, "CertificateExists", "add", t.add(t.certificate(one, "one.pfx", password)))
	t.refused(400, "InvalidPropertyValue", "a wrong password", t.add(t.certificate(one, "one.pfx", "wrong")))
	t.refused(400, "InvalidPropertyValue", "the thumbprint of another", t.add(t.certificate(one, "four.cer", "")))
	t.refused(400, "InvalidPropertyValue", "a cer with a password", t.add(t.certificate(four, "four.cer", password)))
	long := t.certificate(four, "four.cer", "")
	long.Data = strings.Repeat("A", 70000)
	t.refused(413, "RequestBodyTooLarge", "a body of 70 kB", t.add(long))

	list := func(o certificates.CertificateListOperationOptions) error {
		_, err := t.certificates.CertificateList(t.ctx, o)
		return err
	}
	t.refused(400, "InvalidQueryParameterValue", "a $filter by an unknown property", list(certificates.CertificateListOperationOptions{Filter: new("colour eq 'red'")}))
	t.refused(400, "OutOfRangeQueryParameterValue", "maxresults=1001", list(certificates.CertificateListOperationOptions{Maxresults: new(int64(1001))}))
	t.refused(403, "AuthenticationFailed", "a date of 16 minutes ago", list(certificates.CertificateListOperationOptions{OcpDate: new(time.Now().UTC().Add(-16 * time.Minute).Format(http.TimeFormat))}))

	_, err = t.get("nothing")
	t.refused(404, "PoolNotFound", "pool get", err)
	_, err = t.pools.PoolAdd(t.ctx, pools.PoolAddParameter{Id: "POOL-A", VMSize: "x"}, pools.PoolAddOperationOptions{})
	t.refused(409, "PoolExists", "pool add", err)
	refs := []pools.CertificateReference{{Thumbprint: absent.ThumbprintName, ThumbprintAlgorithm: "sha1"}}
	_, err = t.pools.PoolPatch(t.ctx, t.pool("Pool-A"), pools.PoolPatchParameter{CertificateReferences: &refs}, pools.PoolPatchOperationOptions{})
	t.refused(409, "InvalidCertificateReferences", "pool patch", err)
	_, err = t.pools.PoolPatch(t.ctx, t.pool("Pool-A"), pools.PoolPatchParameter{}, pools.PoolPatchOperationOptions{IfMatch: new("0x1")})
	t.refused(412, "ConditionNotMet", "pool patch of another tag", err)

	for what, test := range map[string]struct {
		status int
		code   string
		sign   func(*http.Request)
	}{
		"no Authorization":            {400, "MissingRequiredHeader", func(*http.Request) {}},
		"an unreadable Authorization": {400, "InvalidAuthenticationInfo", func(r *http.Request) { r.Header.Set("Authorization", "SharedKey x") }},
		"a wrong key":                 {403, "AuthenticationFailed", func(r *http.Request) { sharedkey.Sign(r, t.Account, make([]byte, 64)) }},
	} {
		other := *t
		err := other.connect(test.sign)
		if err == nil {
			_, err = other.certificates.CertificateList(t.ctx, certificates.CertificateListOperationOptions{})
		}
		t.refused(test.status, test.code, what, err)
	}
}
