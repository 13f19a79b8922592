package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/go-autorest/autorest"
	"github.com/jackofallops/kermit/sdk/batch/2022-01.15.0/batch"
)

// checkRefusals causes every refusal that a client can cause (those of a deletion
// are in checkDeletion). What the client doesn't let through is made by a change of
// its request.
func (t *suite) checkRefusals() {
	t.refuseCertificates()
	t.refusePools()
	t.refuseBodies()
	t.refuseRequests()
}

func (t *suite) refuseCertificates() {
	_, err := t.get(absent)
	t.refused(404, "CertificateNotFound", "get", err)
	_, err = t.remove(absent)
	t.refused(404, "CertificateNotFound", "delete", err)
	_, err = t.cancel(absent)
	t.refused(404, "CertificateNotFound", "cancel", err)
	_, err = t.cancel(t.one)
	t.refused(409, "CertificateStateActive", "cancel while active", err)
	_, err = t.add(t.certificate(t.one, "one.pfx", password))
	t.refused(409, "CertificateExists", "add", err)

	changed := func(thumbprint, file, password string, change func(*batch.CertificateAddParameter)) batch.CertificateAddParameter {
		p := t.certificate(thumbprint, file, password)
		change(&p)
		return p
	}
	for what, p := range map[string]batch.CertificateAddParameter{
		"a pfx sent as cer":         changed(t.one, "one.pfx", "", func(p *batch.CertificateAddParameter) { p.CertificateFormat = "cer" }),
		"a cer sent as pfx":         changed(t.four, "four.cer", "", func(p *batch.CertificateAddParameter) { p.CertificateFormat = "pfx" }),
		"a cer with a password":     t.certificate(absent, "four.cer", password),
		"a wrong password":          t.certificate(t.one, "one.pfx", "wrong"),
		"the thumbprint of another": t.certificate(t.one, "four.cer", ""),
		"a short thumbprint":        t.certificate("12 34", "four.cer", ""),
		"another algorithm":         changed(t.four, "four.cer", "", func(p *batch.CertificateAddParameter) { p.ThumbprintAlgorithm = new("sha256") }),
		"data that is no base64":    changed(t.four, "four.cer", "", func(p *batch.CertificateAddParameter) { p.Data = new("***") }),
		"data over 10 KB":           changed(t.four, "four.cer", "", func(p *batch.CertificateAddParameter) { p.Data = new(strings.Repeat("A", 10244)) }),
		"an unknown format":         changed(t.four, "four.cer", "", func(p *batch.CertificateAddParameter) { p.CertificateFormat = "pem" }),
	} {
		_, err := t.add(p)
		t.refused(400, "InvalidPropertyValue", what, err)
	}
}

func (t *suite) refusePools() {
	refs := []batch.CertificateReference{reference(absent)}
	_, err := t.addPool(batch.PoolAddParameter{ID: new("p"), VMSize: new("x"), CertificateReferences: &refs})
	t.refused(409, "InvalidCertificateReferences", "pool add", err)
	_, err = t.patch("Pool-A", batch.PoolPatchParameter{CertificateReferences: &refs}, "")
	t.refused(409, "InvalidCertificateReferences", "pool patch", err)
	_, err = t.update("Pool-A", refs...)
	t.refused(409, "InvalidCertificateReferences", "pool updateproperties", err)
	_, err = t.patch("Pool-A", batch.PoolPatchParameter{CertificateReferences: &[]batch.CertificateReference{reference(t.one, "everybody")}}, "")
	t.refused(400, "InvalidPropertyValue", "an unknown visibility", err)
	_, err = t.addPool(batch.PoolAddParameter{ID: new("a pool"), VMSize: new("x")})
	t.refused(400, "InvalidPropertyValue", "a pool id with a space", err)
	_, err = t.addPool(batch.PoolAddParameter{ID: new("POOL-A"), VMSize: new("x")})
	t.refused(409, "PoolExists", "pool add", err)
	_, err = t.pool("nothing")
	t.refused(404, "PoolNotFound", "pool get", err)
	_, err = t.patch("nothing", batch.PoolPatchParameter{}, "")
	t.refused(404, "PoolNotFound", "pool patch", err)
	_, err = t.deletePool("nothing", "")
	t.refused(404, "PoolNotFound", "pool delete", err)
	_, err = t.nodes.List(t.ctx, "nothing", "", "", nil, nil, nil, nil, nil)
	t.refused(404, "PoolNotFound", "node list", err)
	_, err = t.nodes.Get(t.ctx, t.Pool, "nothing", "", nil, nil, nil, nil)
	t.refused(404, "NodeNotFound", "node get", err)
	_, err = t.nodes.Reboot(t.ctx, t.Pool, "nothing", nil, nil, nil, nil, nil)
	t.refused(404, "NodeNotFound", "node reboot", err)
	_, err = t.pools.RemoveNodes(t.ctx, t.Pool, batch.NodeRemoveParameter{NodeList: &[]string{"nothing"}}, nil, nil, nil, nil, "", "", nil, nil)
	t.refused(404, "NodeNotFound", "removenodes", err)

	_, err = t.pools.Get(t.ctx, "Pool-A", "", "", nil, nil, nil, nil, "0x1", "", nil, nil)
	t.refused(412, "ConditionNotMet", "pool get of another tag", err)
	_, err = t.patch("Pool-A", batch.PoolPatchParameter{}, "0x1")
	t.refused(412, "ConditionNotMet", "pool patch of another tag", err)
	_, err = t.pools.Patch(t.ctx, "Pool-A", batch.PoolPatchParameter{}, nil, nil, nil, nil, "", "", nil, at(time.Unix(1e9, 0)))
	t.refused(412, "ConditionNotMet", "pool patch, changed since", err)
	_, err = t.deletePool("Pool-A", "0x1")
	t.refused(412, "ConditionNotMet", "pool delete of another tag", err)
	_, err = t.pools.RemoveNodes(t.ctx, t.Pool, batch.NodeRemoveParameter{NodeList: &[]string{"nothing"}}, nil, nil, nil, nil, "0x1", "", nil, nil)
	t.refused(412, "ConditionNotMet", "removenodes of a pool with another tag", err)
	_, err = t.pools.Get(t.ctx, "Pool-A", "", "", nil, nil, nil, nil, "0x1", "0x1", nil, nil)
	t.refused(400, "MultipleConditionHeadersNotSupported", "pool get with If-Match and If-None-Match", err)
}

func (t *suite) refuseBodies() {
	for what, test := range map[string]struct {
		status int
		code   string
		body   string
	}{
		"no thumbprint":           {400, "MissingRequiredProperty", `{"thumbprintAlgorithm": "sha1", "data": "AA=="}`},
		"no algorithm":            {400, "MissingRequiredProperty", `{"thumbprint": "` + t.four + `", "data": "AA=="}`},
		"no data":                 {400, "MissingRequiredProperty", `{"thumbprint": "` + t.four + `", "thumbprintAlgorithm": "sha1"}`},
		"a body that is not JSON": {400, "InvalidRequestBody", `{"thumbprint"`},
		"an unknown property":     {400, "UnsupportedProperty", `{"thumbprint": "` + t.four + `", "thumbprintAlgorithm": "sha1", "data": "AA==", "color": "red"}`},
		"a body of 70 kB":         {413, "RequestBodyTooLarge", strings.Repeat(" ", 70000)},
	} {
		c := newClients(t.setup, func(r *http.Request) { setBody(r, test.body) })
		_, err := c.certificates.Add(t.ctx, t.certificate(t.four, "four.cer", ""), nil, nil, nil, nil)
		t.refused(test.status, test.code, what, err)
	}
	c := newClients(t.setup, func(r *http.Request) {
		r.ContentLength = -1 // chunked
	})
	_, err := c.certificates.Add(t.ctx, t.certificate(t.four, "four.cer", ""), nil, nil, nil, nil)
	t.refused(411, "MissingContentLengthHeader", "a body without its length", err)
}

func (t *suite) refuseRequests() {
	list := func(c clients) error {
		_, err := c.certificates.List(t.ctx, "", "", nil, nil, nil, nil, nil)
		return err
	}
	t.refused(400, "MissingRequiredHeader", "no Authorization", list(signedBy(t.setup, autorest.NullAuthorizer{})))
	t.refused(400, "InvalidAuthenticationInfo", "an unreadable Authorization", list(signedBy(t.setup, autorest.NullAuthorizer{}, func(r *http.Request) {
		r.Header.Set("Authorization", "SharedKey x")
	})))
	t.refused(403, "AuthenticationFailed", "a wrong key", list(signedBy(t.setup, sharedKey{t.Account, make([]byte, 64)})))
	t.refused(403, "AuthenticationFailed", "an unknown account", list(signedBy(t.setup, sharedKey{"nobody", t.Key})))
	_, err := t.certificates.List(t.ctx, "", "", nil, nil, nil, nil, at(time.Now().Add(-16*time.Minute)))
	t.refused(403, "AuthenticationFailed", "a date of 16 minutes ago", err)
	_, err = t.certificates.List(t.ctx, "colour eq 'red'", "", nil, nil, nil, nil, nil)
	t.refused(400, "InvalidQueryParameterValue", "a $filter by an unknown property", err)
	_, err = t.certificates.List(t.ctx, "", "colour", nil, nil, nil, nil, nil)
	t.refused(400, "InvalidQueryParameterValue", "a $select of an unknown property", err)
	_, err = t.certificates.List(t.ctx, "", "", nil, new(int32(0)), nil, nil, nil)
	t.refused(400, "OutOfRangeQueryParameterValue", "timeout=0", err)

	query := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(name, value)
			if value == "" {
				q.Del(name)
			}
			r.URL.RawQuery = q.Encode()
		}
	}
	path := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.URL = &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: text, RawQuery: "api-version=2022-01-01.15.0"}
		}
	}
	for what, test := range map[string]struct {
		status int
		code   string
		change func(*http.Request)
	}{
		"no api-version":             {400, "MissingRequiredQueryParameter", query("api-version", "")},
		"an unknown api-version":     {400, "UnsupportedRequestVersion", query("api-version", "2030-01-01.1.0")},
		"maxresults=1001":            {400, "OutOfRangeQueryParameterValue", query("maxresults", "1001")},
		"an unknown parameter":       {400, "UnsupportedQueryParameter", query("colour", "red")},
		"a $skiptoken of another":    {400, "InvalidQueryParameterValue", query("$skiptoken", "AQAA")},
		"a path that is no resource": {404, "ResourceNotFound", path("/jobs")},
		"half a key":                 {400, "InvalidUri", path("/certificates(thumbprint=12)")},
		"PUT on certificates":        {405, "UnsupportedHttpVerb", func(r *http.Request) { r.Method = http.MethodPut }},
	} {
		t.refused(test.status, test.code, what, list(newClients(t.setup, test.change)))
	}
}
