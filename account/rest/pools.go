package rest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"

	"poolcert/account"
	"poolcert/batch"
)

// Pool operations, reference section 5.

var poolFields = fields{
	"id": text, "vmSize": text, "state": word, "allocationState": word,
	"enableAutoScale": truth, "enableInterNodeCommunication": truth,
	"creationTime": moment, "lastModified": moment, "stateTransitionTime": moment, "allocationStateTransitionTime": moment,
}

// servedProperties are the members of a pool that a client cannot set.
var servedProperties = []string{"odata.metadata", "url", "eTag", "lastModified", "creationTime", "state", "stateTransitionTime"}

func poolPath(id string) string { return "/pools/" + url.PathEscape(id) }

// properties are the members that are kept and echoed: all but the named ones
// and what the service itself tells.
func (o object) properties(except ...string) map[string]json.RawMessage {
	kept := maps.Clone(o.members)
	for _, name := range append(except, servedProperties...) {
		delete(kept, name)
	}
	return kept
}

func addPool(c *call) error {
	body, err := c.body(maxPoolBody)
	if err != nil {
		return err
	}
	pool, err := body.pool()
	if err != nil {
		return err
	}
	c.record.Pool = clip(pool.ID, maxRecorded)
	if pool, err = c.service.AddPool(c.ctx(), c.account, pool); err != nil {
		return err
	}
	c.recordReferences(pool, true)
	c.w.Header().Set("Location", c.base+poolPath(pool.ID))
	c.identify(pool, "")
	c.describe(pool)
	return c.empty(http.StatusCreated)
}

func (o object) pool() (*batch.Pool, error) {
	if err := o.require("id"); err != nil {
		return nil, err
	}
	p := &batch.Pool{Properties: o.properties("id", "certificateReferences")}
	maps.DeleteFunc(p.Properties, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	var err error
	if p.ID, err = o.text("id"); err != nil {
		return nil, err
	}
	p.CertificateReferences, err = o.references()
	return p, err
}

// describe sets the headers that answers about a pool carry.
func (c *call) describe(pool *batch.Pool) {
	c.w.Header().Set("ETag", pool.ETag)
	if pool.LastModified != nil {
		c.w.Header().Set("Last-Modified", pool.LastModified.UTC().Format(http.TimeFormat))
	}
}

// identify names what the call was about: a pool, or an action on it.
func (c *call) identify(pool *batch.Pool, action string) {
	c.w.Header().Set("DataServiceId", c.base+poolPath(pool.ID)+action)
}

func listPools(c *call) error {
	filter, err := parseFilter(c.params.filter, poolFields)
	if err != nil {
		return err
	}
	return sendPage(list{call: c, name: "pools", path: "/pools"},
		func(after string, limit int) ([]batch.Pool, bool, error) {
			return c.service.Pools(c.ctx(), c.account, account.PoolQuery{After: after, Limit: limit, Filter: filter})
		},
		func(pool *batch.Pool) string {
			pool.URL = c.base + poolPath(pool.ID)
			return pool.ID
		})
}

// showPool answers GET and HEAD.
func showPool(c *call) error {
	cond, err := conditions(c.r.Header)
	if err != nil {
		return err
	}
	found, err := c.service.Pool(c.ctx(), c.account, c.args[0])
	if err != nil {
		return err
	}
	pool := *found
	c.describe(&pool)
	var unmet *batch.Error
	switch err := cond.Check(&pool); {
	case err == nil:
	case errors.As(err, &unmet) && unmet.Code == batch.CodeConditionNotMet && (cond.IfNoneMatch != "" || !cond.IfModifiedSince.IsZero()):
		return c.empty(http.StatusNotModified)
	default:
		return err
	}
	if c.r.Method == http.MethodHead {
		return c.empty(http.StatusOK)
	}
	pool.Metadata = c.base + "/$metadata#pools/@Element"
	pool.URL = c.base + poolPath(pool.ID)
	return c.entity(pool)
}

func patchPool(c *call) error {
	cond, err := conditions(c.r.Header)
	if err != nil {
		return err
	}
	patch, err := c.poolPatch()
	if err != nil {
		return err
	}
	pool, err := c.service.PatchPool(c.ctx(), c.account, c.args[0], patch, cond)
	if err != nil {
		return err
	}
	c.recordReferences(pool, patch.CertificateReferences != nil)
	c.identify(pool, "")
	c.describe(pool)
	return c.empty(http.StatusOK)
}

func updatePoolProperties(c *call) error {
	patch, err := c.poolPatch("certificateReferences", "applicationPackageReferences", "metadata")
	if err != nil {
		return err
	}
	pool, err := c.service.ReplacePoolProperties(c.ctx(), c.account, c.args[0], patch)
	if err != nil {
		return err
	}
	c.recordReferences(pool, true)
	c.identify(pool, "/updateproperties")
	c.describe(pool)
	return c.empty(http.StatusNoContent)
}

// poolPatch reads a change of a pool.
func (c *call) poolPatch(required ...string) (p account.PoolPatch, err error) {
	body, err := c.body(maxPoolBody)
	if err != nil {
		return p, err
	}
	return body.poolPatch(required...)
}

func (o object) poolPatch(required ...string) (p account.PoolPatch, err error) {
	if err := o.require(required...); err != nil {
		return p, err
	}
	if o.has("id") {
		return p, o.invalid("id", "", "the id of a pool cannot change")
	}
	refs, err := o.references()
	if err != nil {
		return p, err
	}
	if refs != nil {
		p.CertificateReferences = &refs
	}
	p.Properties = o.properties("id", "certificateReferences")
	return p, nil
}

func deletePool(c *call) error {
	cond, err := conditions(c.r.Header)
	if err != nil {
		return err
	}
	if err := c.service.DeletePool(c.ctx(), c.account, c.args[0], cond); err != nil {
		return err
	}
	return c.empty(http.StatusAccepted)
}
